#include <algorithm>
#include <cmath>
#include <cstdio>

#include "engine/vision/mask.h"
#include "engine/vision/suppress.h"
#include "infer/pipeline.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;

namespace {

std::string decimals(float value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f", static_cast<double>(value));
  return text.data();
}

std::string text_of(const std::string& label, float score) { return label + " " + decimals(score); }

bool near(const Golden& golden, float expected, float found) { return std::abs(expected - found) <= golden.score_within; }

// "" if one of the detections is the expected one.
std::string difference(const Golden& golden, const Golden::Expected& expected, const std::vector<Detection>& found) {
  const bool placed = expected.box != std::array<float, 4>{};
  std::string nearest = "nothing of that name";
  float best = -1;
  for (const Detection& one : found) {
    if (one.name != expected.label) continue;
    const float overlap = placed ? engine::overlap_of(one.box, expected.box) : 1;
    if (overlap >= golden.overlap && near(golden, expected.score, one.score)) return "";
    if (overlap > best) {
      best = overlap;
      nearest = text_of(one.name, one.score) + (placed ? " overlapping by " + decimals(overlap) : "");
    }
  }
  return "found " + nearest;
}

std::string difference(const Golden& golden, const Golden::Expected& expected, const std::vector<Ranked>& ranked) {
  const auto at = std::ranges::find(ranked, expected.label, &Ranked::name);
  if (at == ranked.end()) return "found nothing of that name among the best " + std::to_string(ranked.size());
  return near(golden, expected.score, at->score) ? "" : "found " + text_of(at->name, at->score);
}

// Of a mask the score is the share of the picture.
std::string difference(const Golden& golden, const Golden::Expected& expected, const Mask& mask,
                       const std::vector<std::string>& labels) {
  const std::vector<float> shares = engine::shares_of(mask);
  const auto at = std::ranges::find(labels, expected.label);
  if (at == labels.end()) return "there is no such label";
  const auto label = static_cast<std::size_t>(at - labels.begin());
  const float share = label < shares.size() ? shares[label] : 0;
  return near(golden, expected.score, share) ? "" : "found a share of " + decimals(share);
}

Result<void> check_one(const Pipeline& pipeline, const Golden& golden, base::BytesView file) {
  const Description& description = pipeline.description();
  RunOptions options;
  // What is expected just above the threshold may come out just below it.
  if (description.task == Task::detection && !golden.expected.empty()) {
    float lowest = description.detection.threshold;
    for (const auto& expected : golden.expected) lowest = std::min(lowest, expected.score - golden.score_within);
    options.threshold = std::max(lowest, 0.01F);
  }
  const Answer answer = TRY(pipeline.run(file, options));
  for (const auto& expected : golden.expected) {
    const std::string differs = description.task == Task::detection ? difference(golden, expected, answer.detections)
                                : answer.mask ? difference(golden, expected, *answer.mask, description.labels)
                                              : difference(golden, expected, answer.ranked);
    if (!differs.empty())
      return fail(Code::conflict, "expected " + text_of(expected.label, expected.score) + ", " + differs);
  }
  return {};
}

}  // namespace

Result<void> check_golden(const Pipeline& pipeline, const ModelPackage& package) {
  for (const Golden& golden : package.description.golden) {
    const std::string step = "golden example " + golden.file;
    const auto file = package.members.find(golden.file);
    if (file == package.members.end()) return fail(Code::invalid_input, step + ": is not in the package");
    TRY(base::while_doing(step, check_one(pipeline, golden, file->second)));
  }
  return {};
}

}  // namespace selvedge::infer
