// Inference measured in process: frames, workers, peers, loading. One JSON document on standard output;
// bench/inference.py makes the models, measures the service and prints the tables.
//
//   inference_bench --model NAME=PACKAGE ... [--picture FILE ...] [--tflite FILE] [--folder DIR]
//                   [--rounds N] [--frames N] [--reloads N]
//
//   inference_bench make TFLITE LABELS CALIBRATE JUDGE FOLDER   makes the packages, prints the quantiser's report
//
// With `--turns yes` it instead waits for lines on standard input, at each runs a round of frames of the
// first model and the first picture, and answers with the CPU milliseconds of a frame: so a service can
// be measured in turns with it.

#include <cstdio>
#include <iostream>
#include <string_view>

#include "base/text.h"
#include "inference/frames.h"
#include "inference/loading.h"
#include "inference/make.h"
#include "inference/peers.h"

namespace bench {
namespace {

using selvedge::base::Code;
using selvedge::base::fail;
using selvedge::base::JsonWriter;
using selvedge::base::Result;
namespace infer = selvedge::infer;

Result<int> number(const std::string& flag, std::string_view text) {
  const auto value = selvedge::base::parse_int(text);
  if (!value || *value < 1 || *value > 100'000) return fail(Code::invalid_input, flag + ": a number above 0");
  return static_cast<int>(*value);
}

Result<Plan> plan_of(int count, char** words) {
  Plan plan;
  for (int i = 1; i < count; i += 2) {
    const std::string flag = words[i];
    if (i + 1 == count) return fail(Code::invalid_input, flag + ": a value is missing");
    const std::string value = words[i + 1];
    if (flag == "--model") {
      const std::size_t equals = value.find('=');
      if (equals == std::string::npos) return fail(Code::invalid_input, "--model: NAME=PACKAGE");
      plan.models.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    } else if (flag == "--picture") {
      plan.pictures.push_back(value);
    } else if (flag == "--tflite") {
      plan.tflite = value;
    } else if (flag == "--folder") {
      plan.folder = value;
    } else if (flag == "--turns") {
      plan.turns = value == "yes";
    } else if (flag == "--rounds") {
      plan.rounds = TRY(number(flag, value));
    } else if (flag == "--frames") {
      plan.frames = TRY(number(flag, value));
    } else if (flag == "--reloads") {
      plan.reloads = TRY(number(flag, value));
    } else {
      return fail(Code::invalid_input, "unknown option " + flag);
    }
  }
  if (plan.models.empty()) return fail(Code::invalid_input, "--model NAME=PACKAGE is needed");
  return plan;
}

void write(JsonWriter& json, const char* name, const Times& times) {
  json.key(name);
  times.write(json);
}

void write(JsonWriter& json, const std::vector<FrameRow>& rows) {
  json.key("frames").begin_array();
  for (const FrameRow& row : rows) {
    json.begin_object().field("picture", row.picture).field("model", row.model).field("frames", std::uint64_t{row.wall.count()})
        .field("found", std::uint64_t{row.found}).field("frames_per_second", static_cast<double>(row.wall.count()) / row.wall.sum())
        .field("best_frames_per_second", row.best_rate).field("frames_per_cpu_second", 1 / row.cpu.median());
    write(json, "wall_ms", row.wall);
    write(json, "cpu_ms", row.cpu);
    write(json, "decode_ms", row.decode);
    write(json, "prepare_ms", row.prepare);
    write(json, "infer_ms", row.infer);
    write(json, "finish_ms", row.finish);
    json.end_object();
  }
  json.end_array();
}

void write(JsonWriter& json, const std::vector<WorkerRow>& rows) {
  json.key("workers").begin_array();
  for (const WorkerRow& row : rows)
    json.begin_object().field("model", row.model).field("one_frames_per_second", row.one_rate.at(1))
        .field("two_frames_per_second", row.two_rate.at(1)).field("best_ratio", row.ratio.at(1))
        .field("idle_rounds", std::uint64_t{row.idle_ratio.count()}).field("idle_ratio", row.idle_ratio.median())
        .field("median_ratio", row.ratio.median()).field("ratio_of_bests", row.two_rate.at(1) / row.one_rate.at(1))
        .field("cores_used_best", row.use.at(1)).field("cores_used_median", row.use.median())
        .field("one_cpu_ms", row.one_cpu.median() * 1e3).field("two_cpu_ms", row.two_cpu.median() * 1e3)
        .field("ratio_by_cpu_time", 2 * median_ratio(row.one_cpu, row.two_cpu))
        .field("ratio_by_best_cpu_time", 2 * row.one_cpu.least() / row.two_cpu.least()).end_object();
  json.end_array();
}

void write(JsonWriter& json, const Peers& peers) {
  json.field("opencv", peers.opencv).key("peers").begin_array();
  for (const PeerRow& row : peers.rows) {
    json.begin_object().field("model", row.model).field("engine", row.engine);
    if (row.refused.empty()) {
      write(json, "cpu_ms", row.cpu);
      write(json, "wall_ms", row.wall);
      json.field("largest_difference", row.difference);
    } else {
      json.field("refused", row.refused);
    }
    json.end_object();
  }
  json.end_array().key("overhead").begin_array();
  for (const Overhead& one : peers.overheads)
    json.begin_object().field("model", one.model).field("best_percent", one.best * 100).field("paired_percent", one.paired * 100)
        .end_object();
  json.end_array();
}

void write(JsonWriter& json, const Loading& loading) {
  json.key("load").begin_array();
  for (const LoadRow& row : loading.rows) {
    json.begin_object().field("model", row.model);
    write(json, "first_wall_ms", row.first_wall);
    write(json, "first_cpu_ms", row.first_cpu);
    write(json, "cached_wall_ms", row.again_wall);
    write(json, "cached_cpu_ms", row.again_cpu);
    json.end_object();
  }
  json.end_array();
  if (loading.import_cpu.count() > 0) {
    json.key("import").begin_object().field("tflite_bytes", std::uint64_t{loading.import_bytes})
        .field("onnx_bytes", std::uint64_t{loading.onnx_bytes});
    write(json, "cpu_ms", loading.import_cpu);
    write(json, "wall_ms", loading.import_wall);
    json.end_object();
  }
  json.key("reloads").begin_object().field("model", loading.reloaded).field("count", loading.reloads)
      .field("rss_start", loading.resident_start).field("rss_one", loading.resident_one)
      .field("rss_after_20", loading.resident_settled).field("rss_end", loading.resident_end).end_object();
}

Result<std::string> measure(const Plan& plan) {
  const Material material = TRY(read_material(plan));
  const auto runtime = TRY(infer::Runtime::open());
  Loading loading;
  const auto say = [](const char* what) { std::fprintf(stderr, "  %s\n", what); };
  say("loading again and again");
  TRY(measure_reloads(material, *runtime, loading));
  say("loading and importing");
  TRY(measure_loading(material, *runtime, loading));
  Pipelines pipelines;
  for (const Model& model : material.models) pipelines.all.emplace_back(model.name, TRY(infer::Pipeline::make(*runtime, model.package)));
  say("frames");
  const auto frames = TRY(measure_frames(material, pipelines));
  say("workers");
  const auto workers = TRY(measure_workers(material, pipelines));
  say("peers");
  const Peers peers = TRY(measure_peers(material, *runtime));
  JsonWriter json;
  json.begin_object().field("runtime", runtime->version()).field("rounds", plan.rounds).field("frames_a_round", plan.frames);
  json.key("models").begin_array();
  for (const Model& model : material.models)
    json.begin_object().field("model", model.name).field("onnx_bytes", std::uint64_t{model.package.model.size()}).end_object();
  json.end_array();
  write(json, frames);
  write(json, workers);
  write(json, peers);
  write(json, loading);
  json.end_object();
  return json.take();
}

// One line for each line. "" at the end.
Result<std::string> take_turns(const Plan& plan) {
  const Material material = TRY(read_material(plan));
  const auto runtime = TRY(infer::Runtime::open());
  const auto pipeline = TRY(infer::Pipeline::make(*runtime, material.models.front().package));
  const Picture& picture = material.pictures.front();
  for (std::string line; std::getline(std::cin, line);) {
    const double began = process_cpu(), wall = wall_clock();
    for (int i = 0; i < plan.frames; ++i) TRY(pipeline->run(picture.file));
    std::printf("%.4f %.4f\n", (process_cpu() - began) * 1e3 / plan.frames, (wall_clock() - wall) * 1e3 / plan.frames);
    std::fflush(stdout);
  }
  return std::string{};
}

}  // namespace
}  // namespace bench

int main(int count, char** words) {
  using selvedge::base::Result;
  const auto run = [&]() -> Result<std::string> {
    if (count == 7 && std::string_view(words[1]) == "make")
      return bench::make_packages({words[2], words[3], words[4], words[5], words[6]});
    const bench::Plan plan = TRY(bench::plan_of(count, words));
    return plan.turns ? bench::take_turns(plan) : bench::measure(plan);
  };
  const auto said = run();
  if (!said) {
    std::fprintf(stderr, "inference_bench: %s\n", said.error().message.c_str());
    return 1;
  }
  if (!said->empty()) std::puts(said->c_str());
  return 0;
}
