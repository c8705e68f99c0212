#include "infer/series_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "infer/shape_text.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;
using Meaning = SeriesRule::Meaning;

namespace {

// What is taken off a value and what it is divided by.
struct Norm {
  double mean = 0, deviation = 1;

  double of(double value) const { return (value - mean) / deviation; }
};

Norm norm_of(std::span<const double> values) {
  Norm norm;
  for (const double value : values) norm.mean += value / static_cast<double>(values.size());
  double square = 0;
  for (const double value : values) square += (value - norm.mean) * (value - norm.mean) / static_cast<double>(values.size());
  // A flat window has no deviation, and its values stay near 0.
  const double deviation = std::sqrt(square);
  norm.deviation = deviation > 1e-9 * std::max(1.0, std::abs(norm.mean)) ? deviation : 1;
  return norm;
}

// The shape with `length` where the model leaves a size open; the product must be `length`.
Result<Shape> shape_for(const ValueInfo& input, std::size_t length) {
  Shape shape = input.shape;
  std::size_t stated = 1;
  for (const std::int64_t size : shape) {
    if (size < 0) continue;
    if (size > 0 && std::size_t(size) <= length) stated *= std::size_t(size);
    else stated = length + 1;
    stated = std::min(stated, length + 1);
  }
  // The last open size is the window's, and those before it (the batch) are 1.
  std::int64_t rest = stated == 0 || length % stated != 0 ? 0 : std::int64_t(length / stated);
  for (auto size = shape.rbegin(); size != shape.rend(); ++size)
    if (*size < 0) *size = std::exchange(rest, 1);
  const auto elements = codec::onnx::elements_of(shape);
  if (!elements || *elements != length)
    return fail(Code::invalid_input, "series.length: is " + std::to_string(length) + ", and the model takes " +
                                         shape_text(input.shape));
  return shape;
}

}  // namespace

SeriesModel::SeriesModel(std::shared_ptr<const Pipeline> pipeline, Shape shape)
    : pipeline_(std::move(pipeline)), rule_(pipeline_->description().series), shape_(std::move(shape)) {
  window_ = rule_.length + (rule_.meaning == Meaning::forecast ? 1 : 0);
}

Result<SeriesModel> SeriesModel::make(std::shared_ptr<const Pipeline> pipeline) {
  const Description& description = pipeline->description();
  const auto& inputs = pipeline->session().inputs();
  const std::string step = "model " + description.name;
  if (description.task != Task::series) return fail(Code::invalid_input, step + " is not over a series: its task is another");
  if (inputs.size() != 1 || inputs[0].type != ElementType::float32)
    return fail(Code::invalid_input, step + ": a model over a series has one input of float32");
  if (pipeline->session().outputs().empty()) return fail(Code::invalid_input, step + " has no output");
  Shape shape = TRY(base::while_doing(step, shape_for(inputs[0], description.series.length)));
  return SeriesModel(std::move(pipeline), std::move(shape));
}

Result<double> SeriesModel::score(std::span<const double> values) const {
  if (values.size() != window_)
    return fail(Code::invalid_input, "a window of " + std::to_string(values.size()) + " values, and the model takes " +
                                         std::to_string(window_));
  if (!std::ranges::all_of(values, [](double value) { return std::isfinite(value); }))
    return fail(Code::invalid_input, "a window with a value that is no finite number");
  const auto seen = values.first(rule_.length);
  const Norm norm = rule_.normalise ? norm_of(seen) : Norm{};
  std::vector<float> numbers;
  for (const double value : seen) numbers.push_back(static_cast<float>(norm.of(value)));
  const base::BytesView bytes(reinterpret_cast<const std::uint8_t*>(numbers.data()), numbers.size() * sizeof(float));
  const auto outputs = TRY(pipeline_->session().run(std::array{TensorView{ElementType::float32, shape_, bytes}}));
  const std::size_t wanted = rule_.meaning == Meaning::reconstruction ? rule_.length : 1;
  if (outputs[0].type != ElementType::float32 || outputs[0].floats().size() < wanted)
    return fail(Code::invalid_input, "the model answers " + shape_text(outputs[0].shape) + ", and " +
                                         std::to_string(wanted) + " numbers of float32 are needed");
  const std::span<const float> answer = outputs[0].floats();
  double score = 0;
  switch (rule_.meaning) {
    case Meaning::score: score = answer[0]; break;
    case Meaning::forecast: score = std::abs(norm.of(values.back()) - static_cast<double>(answer[0])); break;
    case Meaning::reconstruction:
      for (std::size_t i = 0; i < wanted; ++i)
        score += std::pow(static_cast<double>(numbers[i]) - static_cast<double>(answer[i]), 2) / static_cast<double>(wanted);
      score = std::sqrt(score);
  }
  if (!std::isfinite(score)) return fail(Code::invalid_input, "the model's answer is no finite number");
  return score;
}

}  // namespace selvedge::infer
