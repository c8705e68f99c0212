#include "inference/peers.h"

#include <cmath>
#include <functional>

#include "inference/bare.h"
#include "inference/opencv.h"

namespace bench {

using selvedge::base::Code;
using selvedge::base::fail;
using selvedge::base::Result;
namespace infer = selvedge::infer;
namespace onnx = selvedge::codec::onnx;

namespace {

constexpr int turn_frames = 4;

// One model in all engines that take it.
class Contest {
 public:
  Contest(const Model& model, const Picture& picture, infer::Runtime& runtime)
      : model_(model), picture_(picture), runtime_(runtime) {}

  Result<void> set_up();
  Result<void> turn(int number);
  Result<void> finish(Peers& peers);

 private:
  struct Engine {
    PeerRow row;
    std::function<Result<void>()> run;
    std::function<std::vector<float>(std::size_t)> output;
  };

  Result<void> add_ours();
  Result<void> add_bare();
  void add_opencv();
  Engine& add(const char* name);

  const Model& model_;
  const Picture& picture_;
  infer::Runtime& runtime_;
  std::unique_ptr<infer::Session> session_;
  infer::Tensor input_;
  std::vector<float> numbers_;
  int side_ = 0;
  std::vector<infer::Tensor> answers_;
  std::unique_ptr<Bare> bare_;
  std::unique_ptr<OpencvNet> opencv_;
  std::vector<Engine> engines_;
};

Contest::Engine& Contest::add(const char* name) {
  Engine& engine = engines_.emplace_back();
  engine.row.model = model_.name, engine.row.engine = name;
  return engine;
}

Result<void> Contest::add_ours() {
  session_ = TRY(runtime_.load(model_.package.model));
  const auto& inputs = session_->inputs();
  if (inputs.size() != 1 || inputs[0].type != onnx::ElementType::float32 || inputs[0].shape.size() != 4 ||
      inputs[0].shape[1] != inputs[0].shape[2] || inputs[0].shape[3] != 3)
    return fail(Code::invalid_input, model_.name + ": only models of one square picture in rows of floats are compared");
  side_ = static_cast<int>(inputs[0].shape[1]);
  numbers_ = TRY(rows_of(picture_, side_));
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(numbers_.data());
  input_ = {.type = inputs[0].type, .shape = {1, side_, side_, 3}, .data = {bytes, bytes + numbers_.size() * sizeof(float)}};
  Engine& engine = add("selvedge");
  engine.run = [this]() -> Result<void> {
    const infer::TensorView view = input_.view();
    answers_ = TRY(session_->run({&view, 1}));
    return {};
  };
  engine.output = [this](std::size_t index) {
    const auto floats = answers_.at(index).floats();
    return std::vector<float>(floats.begin(), floats.end());
  };
  return {};
}

Result<void> Contest::add_bare() {
  std::vector<Bare::Tensor> outputs;
  for (const auto& output : session_->outputs()) {
    const std::size_t elements = TRY(onnx::elements_of(output.shape));
    outputs.push_back({output.name, output.shape, std::vector<float>(elements)});
  }
  bare_ = TRY(Bare::load(runtime_.path(), model_.package.model, {{session_->inputs()[0].name, input_.shape, numbers_}},
                         std::move(outputs)));
  Engine& engine = add("onnxruntime, bare");
  engine.run = [this] { return bare_->run(); };
  engine.output = [this](std::size_t index) { return bare_->outputs().at(index).numbers; };
  return {};
}

// What it cannot read is said in its row.
void Contest::add_opencv() {
  Engine& engine = add("opencv dnn");
  const auto load = [&]() -> Result<void> {
    const onnx::Graph graph = TRY(onnx::read(model_.package.model));
    opencv_ = TRY(OpencvNet::load(graph, numbers_, side_));
    return opencv_->run();
  };
  if (const auto loaded = load(); !loaded) {
    engine.row.refused = loaded.error().message.substr(0, 200);
    return;
  }
  engine.run = [this] { return opencv_->run(); };
  engine.output = [this](std::size_t index) { return opencv_->output(index); };
}

Result<void> Contest::set_up() {
  TRY(add_ours());
  TRY(add_bare());
  add_opencv();
  for (Engine& engine : engines_)
    for (int i = 0; engine.run && i < 3; ++i) TRY(engine.run());
  return {};
}

Result<void> Contest::turn(int number) {
  // Who goes first changes.
  for (std::size_t i = 0; i < engines_.size(); ++i) {
    Engine& engine = engines_[(i + static_cast<std::size_t>(number)) % engines_.size()];
    if (!engine.run) continue;
    double total = 0;
    for (int frame = 0; frame < turn_frames; ++frame) {
      const double wall = wall_clock(), cpu = process_cpu();
      TRY(engine.run());
      const double took = process_cpu() - cpu;
      engine.row.cpu.add(took);
      engine.row.wall.add(wall_clock() - wall);
      total += took;
    }
    engine.row.turns.add(total / turn_frames);
  }
  return {};
}

Result<void> Contest::finish(Peers& peers) {
  for (Engine& engine : engines_) {
    for (std::size_t output = 0; engine.run && output < session_->outputs().size(); ++output) {
      const std::vector<float> got = engine.output(output), bare = bare_->outputs()[output].numbers;
      if (got.size() != bare.size())
        return fail(Code::conflict, engine.row.engine + " gives " + std::to_string(got.size()) + " numbers, not " + std::to_string(bare.size()));
      for (std::size_t i = 0; i < got.size(); ++i)
        engine.row.difference = std::max(engine.row.difference, std::abs(double{got[i]} - double{bare[i]}));
    }
    peers.rows.push_back(engine.row);
  }
  return {};
}

}  // namespace

Result<Peers> measure_peers(const Material& material, infer::Runtime& runtime) {
  Peers peers;
  peers.opencv = OpencvNet::version();
  std::vector<std::unique_ptr<Contest>> contests;
  for (const Model& model : material.models) {
    contests.push_back(std::make_unique<Contest>(model, material.pictures.front(), runtime));
    TRY(selvedge::base::while_doing(model.name, contests.back()->set_up()));
  }
  for (int number = 0; number < material.plan.rounds * material.plan.frames / turn_frames; ++number)
    for (auto& contest : contests) TRY(contest->turn(number));
  for (auto& contest : contests) {
    const std::size_t first = peers.rows.size();
    TRY(contest->finish(peers));
    const PeerRow &ours = peers.rows[first], &bare = peers.rows[first + 1];
    peers.overheads.push_back({ours.model, ours.turns.least() / bare.turns.least() - 1, median_ratio(ours.turns, bare.turns) - 1});
  }
  return peers;
}

}  // namespace bench
