// `selvedge model bench`: how long a model takes here, stage by stage.
//
// Wall time is what a request would wait; CPU time is what the machine pays, and on a loaded machine
// the only one of the two that can be compared.

#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <thread>

#include "base/json.h"
#include "base/text.h"
#include "cli/model_commands.h"
#include "cli/model_file.h"
#include "codec/image/image.h"
#include "infer/pipeline.h"
#include "os/process.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t most_input = std::size_t{64} << 20;    // bytes of made-up numbers

double seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// A street-like picture of 720 lines: large patches with some texture, so that decoding it costs
// about what a photograph costs.
Result<base::Bytes> made_picture() {
  codec::Image image{.width = 1280, .height = 720, .pixels = std::vector<std::uint8_t>(std::size_t{1280} * 720 * 3)};
  std::uint32_t noise = 12345;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x) {
      noise = noise * 1664525 + 1013904223;
      const int patch = ((x / 160) * 37 + (y / 90) * 61) % 200;
      for (int c = 0; c < 3; ++c)
        image.row(y)[x * 3 + c] = static_cast<std::uint8_t>(std::clamp(patch + c * 20 + (x + y) / 64 + static_cast<int>(noise >> 28), 0, 255));
    }
  return codec::encode_jpeg(image, 85);
}

struct Frame {
  double wall = 0, cpu = 0;                        // seconds
  infer::Timings timings;
};

struct Row {
  int threads = 1, workers = 1;
  std::vector<Frame> frames;
  double took = 0;                                 // wall, of all

  // The q-th of the sorted values.
  double at(double q, double (*what)(const Frame&)) const {
    std::vector<double> values;
    for (const Frame& frame : frames) values.push_back(what(frame));
    std::ranges::sort(values);
    const auto index = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
    return values[std::clamp<std::size_t>(index, 1, values.size()) - 1];
  }
};

// One run, whatever the model's task is.
using Run = std::function<Result<infer::Timings>()>;

Result<Row> measure(const Run& run, int threads, int workers, int warm_up, int runs, Out& out) {
  Row row{.threads = threads, .workers = workers, .frames = {}};
  for (int i = 0; i < warm_up; ++i) TRY(run());
  std::vector<std::vector<Frame>> frames(static_cast<std::size_t>(workers));
  std::vector<std::optional<base::Error>> errors(static_cast<std::size_t>(workers));
  // With several threads inside a run the work is not on ours.
  const clockid_t clock = threads > 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_THREAD_CPUTIME_ID;
  const auto work = [&](std::size_t worker) {
    const int mine = runs / workers + (static_cast<int>(worker) < runs % workers ? 1 : 0);
    for (int i = 0; i < mine; ++i) {
      const double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(clock);
      auto ran = run();
      if (!ran) {
        errors[worker] = std::move(ran).error();
        return;
      }
      frames[worker].push_back({seconds(CLOCK_MONOTONIC) - wall, seconds(clock) - cpu, *ran});
      if (worker == 0 && i % 10 == 0)
        out.progress(std::to_string(threads) + " threads, " + std::to_string(workers) + " workers: " + std::to_string(i * workers) + " of " + std::to_string(runs));
    }
  };
  const double began = seconds(CLOCK_MONOTONIC);
  {
    std::vector<std::jthread> others;
    for (std::size_t worker = 1; worker < frames.size(); ++worker) others.emplace_back(work, worker);
    work(0);
  }
  row.took = seconds(CLOCK_MONOTONIC) - began;
  out.progress_done();
  for (std::size_t worker = 0; worker < frames.size(); ++worker) {
    if (errors[worker]) return std::unexpected(*errors[worker]);
    row.frames.insert(row.frames.end(), frames[worker].begin(), frames[worker].end());
  }
  return row;
}

// Made-up numbers in the shapes that the model takes; open dimensions are 1.
Result<std::vector<infer::Tensor>> made_inputs(const infer::Session& model) {
  std::vector<infer::Tensor> inputs;
  for (const auto& wanted : model.inputs()) {
    infer::Tensor tensor{.type = wanted.type, .shape = wanted.shape, .data = {}};
    for (std::int64_t& side : tensor.shape) side = side < 0 ? 1 : side;
    const std::size_t each = bytes_of(wanted.type);
    const std::size_t bytes = TRY(codec::onnx::elements_of(tensor.shape)) * each;
    if (each == 0 || bytes > most_input)
      return fail(Code::invalid_input, "input '" + wanted.name + "': numbers for it cannot be made up");
    tensor.data.resize(bytes);
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

Result<std::vector<int>> counts(const Arguments& arguments, std::string_view flag, int most) {
  std::vector<int> all;
  const std::string text = arguments.text(flag, "1");
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const auto count = base::parse_int(std::string_view(text).substr(at, end - at));
    if (!count || *count < 1 || *count > most || all.size() == 16)
      return fail(Code::invalid_input, "--" + std::string(flag) + ": numbers from 1 to " + std::to_string(most) + ", apart by commas");
    all.push_back(static_cast<int>(*count));
    at = end + 1;
  }
  return all;
}

std::string ms(double s) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", s * 1e3);
  return text;
}

double wall(const Frame& f) { return f.wall; }
double cpu(const Frame& f) { return f.cpu; }
double decode(const Frame& f) { return static_cast<double>(f.timings.decode) * 1e-9; }
double prepare(const Frame& f) { return static_cast<double>(f.timings.prepare) * 1e-9; }
double infer_time(const Frame& f) { return static_cast<double>(f.timings.infer) * 1e-9; }
double finish(const Frame& f) { return static_cast<double>(f.timings.finish) * 1e-9; }

struct Measured {
  std::string path, runtime;
  int runs = 0;
  bool pictures = false;
  double load = 0;                                 // seconds
  std::uint64_t resident = 0, grown = 0;
  std::vector<Row> rows;
};

std::string as_json(const Measured& all) {
  base::JsonWriter json;
  json.begin_object().field("file", all.path).field("runtime", all.runtime).field("runs", all.runs).field("load_ms", all.load * 1e3)
      .field("resident_bytes", all.resident).field("grown_bytes", all.grown).key("rows").begin_array();
  for (const Row& row : all.rows) {
    json.begin_object().field("threads", row.threads).field("workers", row.workers).field("wall_ms_p50", row.at(0.5, wall) * 1e3)
        .field("wall_ms_p99", row.at(0.99, wall) * 1e3).field("wall_ms_min", row.at(0, wall) * 1e3)
        .field("cpu_ms_p50", row.at(0.5, cpu) * 1e3).field("cpu_ms_p99", row.at(0.99, cpu) * 1e3).field("cpu_ms_min", row.at(0, cpu) * 1e3)
        .field("frames_per_second", row.took > 0 ? static_cast<double>(row.frames.size()) / row.took : 0).key("stages_ms_p50").begin_object();
    if (all.pictures) json.field("decode", row.at(0.5, decode) * 1e3).field("prepare", row.at(0.5, prepare) * 1e3);
    json.field("infer", row.at(0.5, infer_time) * 1e3);
    if (all.pictures) json.field("finish", row.at(0.5, finish) * 1e3);
    json.end_object().end_object();
  }
  json.end_array().end_object();
  return json.take();
}

void print(Out& out, const Measured& all) {
  std::vector<std::vector<std::string>> table;
  for (const Row& row : all.rows) {
    const double rate = row.took > 0 ? static_cast<double>(row.frames.size()) / row.took : 0;
    std::vector<std::string>& cells = table.emplace_back();
    cells = {std::to_string(row.threads), std::to_string(row.workers), ms(row.at(0.5, wall)), ms(row.at(0.99, wall)),
             ms(row.at(0, cpu)), ms(row.at(0.5, cpu)), ms(row.at(0.99, cpu)), base::to_text(std::round(rate * 10) / 10)};
    if (all.pictures) cells.push_back(ms(row.at(0.5, decode))), cells.push_back(ms(row.at(0.5, prepare)));
    cells.push_back(ms(row.at(0.5, infer_time)));
    if (all.pictures) cells.push_back(ms(row.at(0.5, finish)));
  }
  out.line(all.path + ": ONNX Runtime " + all.runtime + ", loaded in " + ms(all.load) + " ms, " + base::size_text(all.resident) +
           " resident, " + std::to_string(all.runs) + " runs; times in ms");
  std::vector<std::string> header{"THREADS", "WORKERS", "P50", "P99", "CPU MIN", "CPU P50", "CPU P99", "FRAMES/S"};
  if (all.pictures) header.insert(header.end(), {"DECODE", "PREPARE"});
  header.push_back("INFER");
  if (all.pictures) header.push_back("FINISH");
  out.table(header, table);
}

}  // namespace

Result<int> bench_model(const Arguments& arguments, Session& session) {
  Measured all;
  const auto warm_up = static_cast<int>(TRY(arguments.integer("warm-up", 5, 0, 10'000)));
  all.runs = static_cast<int>(TRY(arguments.integer("runs", 100, 1, 1'000'000)));
  const auto threads = TRY(counts(arguments, "threads", 64));
  const auto workers = TRY(counts(arguments, "workers", 64));
  all.path = arguments.positional.empty() ? TRY(default_model()) : arguments.positional[0];
  const ModelFile file = TRY(open_model(session, all.path));
  const auto runtime = TRY(open_runtime(arguments));
  all.runtime = runtime->version();
  const infer::Task task = file.package.description.task;
  all.pictures = task != infer::Task::tensors && task != infer::Task::series;
  base::Bytes picture;
  if (arguments.has("image")) {
    if (!all.pictures) return fail(Code::invalid_input, "--image: this model takes numbers");
    picture = TRY(read_picture(session, arguments.text("image")));
  } else if (all.pictures) {
    picture = TRY(made_picture());
  }
  const std::uint64_t before = os::resident_memory();
  for (const int count : threads) {
    const double began = seconds(CLOCK_MONOTONIC);
    const infer::SessionOptions options{.threads = count};
    std::shared_ptr<infer::Pipeline> pipeline;
    std::unique_ptr<infer::Session> model;
    std::vector<infer::Tensor> inputs;
    if (all.pictures) pipeline = TRY(infer::Pipeline::make(*runtime, file.package, options));
    else model = TRY(runtime->load(file.package.model, options));
    all.load = all.rows.empty() ? seconds(CLOCK_MONOTONIC) - began : all.load;
    std::vector<infer::TensorView> views;
    if (!all.pictures) {
      inputs = TRY(made_inputs(*model));
      for (const infer::Tensor& tensor : inputs) views.push_back(tensor.view());
    }
    const Run run = [&]() -> Result<infer::Timings> {
      if (all.pictures) return TRY(pipeline->run(picture)).timings;
      const double start = seconds(CLOCK_MONOTONIC);
      TRY(model->run(views));
      infer::Timings timings;
      timings.infer = static_cast<std::int64_t>((seconds(CLOCK_MONOTONIC) - start) * 1e9);
      return timings;
    };
    for (const int many : workers) all.rows.push_back(TRY(measure(run, count, many, warm_up, all.runs, session.out)));
  }
  all.resident = os::resident_memory();
  all.grown = all.resident - std::min(before, all.resident);
  if (session.out.json()) session.out.document(as_json(all));
  else print(session.out, all);
  return 0;
}

}  // namespace selvedge::cli
