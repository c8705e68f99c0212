#include "infer/quantise_report.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/json.h"

namespace selvedge::infer {
namespace {

std::string decimals(double value, int places) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "%.*f", places, value);
  return text.data();
}

std::string percent(double share) { return decimals(share * 100, 1) + " %"; }

std::string of(std::size_t some, std::size_t all) { return std::to_string(some) + " of " + std::to_string(all); }

void json_matched(base::JsonWriter& json, std::string_view name, const MatchedAt& matched) {
  json.key(name).begin_object();
  json.field("threshold", double(matched.threshold)).field("reference", std::uint64_t(matched.reference));
  json.field("matched", std::uint64_t(matched.matched)).field("extra", std::uint64_t(matched.extra));
  json.end_object();
}

void json_agreement(base::JsonWriter& json, const Agreement& agreement) {
  json.key("agreement").begin_object();
  json.field("samples", std::uint64_t(agreement.samples));
  json.field("distance", double(agreement.distance));
  if (agreement.task == Task::detection) {
    json_matched(json, "strong", agreement.strong);
    json_matched(json, "weak", agreement.weak);
    json.key("overlap").begin_object().field("median", double(agreement.overlap.median)).field("least", double(agreement.overlap.worst)).end_object();
  }
  if (agreement.task == Task::classification) json.field("same_first", double(agreement.same_first));
  if (agreement.task == Task::segmentation) json.field("same_fields", double(agreement.same_fields));
  if (agreement.task == Task::detection || agreement.task == Task::classification) {
    json.key("score_difference").begin_object();
    json.field("median", double(agreement.score_difference.median)).field("greatest", double(agreement.score_difference.worst)).end_object();
    json.key("classes").begin_array();
    for (const ClassAgreement& one : agreement.classes)
      json.begin_object().field("label", one.label).field("reference", std::uint64_t(one.reference)).field("matched", std::uint64_t(one.matched)).end_object();
    json.end_array();
  }
  json.key("outputs").begin_array();
  for (const OutputDifference& output : agreement.outputs)
    json.begin_object().field("name", output.name).field("mean_difference", output.mean).field("greatest_difference", output.greatest)
        .field("mean_magnitude", output.magnitude).end_object();
  json.end_array().end_object();
}

void json_texts(base::JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

void agreement_lines(const Agreement& agreement, std::vector<std::string>& lines) {
  const auto matched = [&](const MatchedAt& at) {
    lines.push_back("detections >= " + decimals(double(at.threshold), 1) + ": " + of(at.matched, at.reference) + " matched, " +
                    std::to_string(at.extra) + " extra");
  };
  if (agreement.task == Task::detection) {
    matched(agreement.strong);
    matched(agreement.weak);
    if (agreement.strong.matched > 0)
      lines.push_back("overlap: median " + decimals(double(agreement.overlap.median), 3) + ", least " + decimals(double(agreement.overlap.worst), 3));
  }
  if (agreement.task == Task::classification) lines.push_back("same best class: " + percent(double(agreement.same_first)) + " of pictures");
  if (agreement.task == Task::segmentation) lines.push_back("same label: " + percent(double(agreement.same_fields)) + " of the mask");
  if (agreement.task == Task::detection || agreement.task == Task::classification)
    lines.push_back("score difference: median " + decimals(double(agreement.score_difference.median), 4) + ", greatest " +
                    decimals(double(agreement.score_difference.worst), 3));
  for (const OutputDifference& output : agreement.outputs)
    lines.push_back("output '" + output.name + "': differs by " + decimals(output.mean, 4) + " in the mean (" + percent(output.share()) +
                    " of its numbers), " + decimals(output.greatest, 3) + " at most");
}

}  // namespace

void find_shortfalls(const QuantiseLimits& limits, QuantiseReport& report) {
  const Agreement& is = report.agreement;
  auto& found = report.shortfalls;
  const auto at_least = [&](double value, float limit, const std::string& what) {
    if (!(value >= double(limit))) found.push_back(what + " is " + decimals(value, 3) + ", at least " + decimals(double(limit), 3) + " is asked for");
  };
  const auto at_most = [&](double value, float limit, const std::string& what) {
    if (!(value <= double(limit))) found.push_back(what + " is " + decimals(value, 3) + ", at most " + decimals(double(limit), 3) + " is asked for");
  };
  switch (is.task) {
    case Task::detection:
      if (is.weak.reference == 0) found.push_back("the float model finds nothing in the pictures to judge with, so nothing can be said");
      at_least(double(is.strong.share()), limits.matched, "the share of detections >= 0.5 that are found again");
      at_least(double(is.weak.share()), limits.matched_weak, "the share of detections >= 0.3 that are found again");
      if (is.strong.matched > 0) at_least(double(is.overlap.median), limits.overlap, "the median overlap of boxes");
      at_most(double(is.score_difference.median), limits.score_difference, "the median score difference");
      break;
    case Task::classification:
      at_least(double(is.same_first), limits.first, "the share of pictures with the same best class");
      at_most(double(is.score_difference.median), limits.score_difference, "the median score difference");
      break;
    case Task::segmentation: at_least(double(is.same_fields), limits.mask, "the share of the mask that is the same"); break;
    case Task::series:
    case Task::tensors:
      for (const OutputDifference& output : is.outputs)
        at_most(output.share(), limits.error, "the mean difference of output '" + output.name + "' as a share");
      break;
  }
  if (limits.time > 0) at_most(report.time_ratio(), limits.time, "CPU time as a share of the float model's");
}

std::string to_json(const QuantiseReport& report) {
  base::JsonWriter json;
  json.begin_object();
  json.field("target", report.target).field("range", report.range).field("accepted", report.shortfalls.empty());
  json_texts(json, "shortfalls", report.shortfalls);
  json.key("candidates").begin_array();
  for (const auto& one : report.candidates) json.begin_object().field("range", one.range).field("distance", double(one.distance)).end_object();
  json.end_array();
  const auto count = [&](std::string_view name, std::size_t value) { json.field(name, std::uint64_t(value)); };
  count("calibrated_files", report.calibrated);
  count("calibrated_views", report.calibrated_views);
  count("judged_files", report.judged);
  count("judged_views", report.judged_views);
  count("layers", report.layers);
  count("other_nodes", report.others);
  json_texts(json, "in_float", report.in_float);
  count("channels", report.channels);
  count("channels_guarded", report.guarded);
  count("channels_empty", report.empty);
  count("channels_saturated", report.saturated);
  count("channels_pruned", report.pruned);
  json.key("heads").begin_array();
  for (const auto& head : report.heads)
    json.begin_object().field("value", head.value).field("least", double(head.least)).field("greatest", double(head.greatest))
        .field("step", double(head.step)).end_object();
  json.end_array();
  json_agreement(json, report.agreement);
  count("bytes_float", report.bytes_float);
  count("bytes", report.bytes);
  count("packed_bytes", report.packed);
  json.field("cpu_milliseconds_float", report.milliseconds_float).field("cpu_milliseconds", report.milliseconds);
  json.field("cpu_ratio", report.time_ratio());
  json_texts(json, "notes", report.notes);
  json.end_object();
  return json.take();
}

std::vector<std::string> to_lines(const QuantiseReport& report) {
  std::vector<std::string> lines;
  lines.push_back("calibrated with " + std::to_string(report.calibrated) + " files (" + std::to_string(report.calibrated_views) +
                  " views), judged with " + std::to_string(report.judged) + " others (" + std::to_string(report.judged_views) + " views)");
  std::string tried;
  for (const auto& one : report.candidates) tried += (tried.empty() ? "; distances: " : ", ") + one.range + " " + decimals(double(one.distance), 4);
  lines.push_back("ranges by " + report.range + tried);
  lines.push_back(std::to_string(report.layers) + " layers and " + std::to_string(report.others) + " other nodes in 8 bits, " +
                  std::to_string(report.in_float.size()) + " nodes in float");
  lines.push_back(std::to_string(report.channels) + " channels: " + std::to_string(report.guarded) + " with a wider scale for their bias, " +
                  std::to_string(report.empty) + " of bias alone, " + std::to_string(report.saturated) + " saturated; " +
                  std::to_string(report.pruned) + " taken out");
  agreement_lines(report.agreement, lines);
  lines.push_back("size " + std::to_string(report.bytes_float) + " -> " + std::to_string(report.bytes) + " bytes, packed " +
                  std::to_string(report.packed));
  lines.push_back("CPU time of one run " + decimals(report.milliseconds_float, 2) + " -> " + decimals(report.milliseconds, 2) + " ms (" +
                  decimals(report.time_ratio(), 2) + " of it)");
  for (const std::string& note : report.notes) lines.push_back("note: " + note);
  for (const std::string& one : report.shortfalls) lines.push_back("falls short: " + one);
  return lines;
}

}  // namespace selvedge::infer
