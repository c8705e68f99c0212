#include "infer/picture_plan.h"

#include <algorithm>

#include "base/text.h"
#include "infer/shape_text.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;
using Layout = InputRule::Layout;

namespace {

// One side of the picture: what the description says (0: nothing) against what the model says (-1).
Result<int> side(const char* which, int described, std::int64_t stated) {
  constexpr std::int64_t most = 8'192;
  if (described == 0 && stated < 0)
    return fail(Code::invalid_input, std::string("input.") + which + ": is needed, the model leaves it open");
  if (described != 0 && stated >= 0 && described != stated)
    return fail(Code::invalid_input, std::string("input.") + which + ": is " + std::to_string(described) +
                                         ", and the model takes " + std::to_string(stated));
  if (stated == 0 || stated > most)
    return fail(Code::invalid_input, std::string("the model takes pictures of ") + which + " " + std::to_string(stated));
  return described != 0 ? described : static_cast<int>(stated);
}

Result<void> plan_input(const InputRule& rule, const ValueInfo& input, PicturePlan& plan) {
  const std::string takes = "input '" + input.name + "' of the model is " + shape_text(input.shape);
  const std::int64_t channels = rule.colour == InputRule::Colour::grey ? 1 : 3;
  if (input.shape.size() != 4) return fail(Code::invalid_input, takes + ", and a picture is [1,height,width,colours]");
  const bool rows = rule.layout == Layout::rows;
  const std::size_t at = rows ? 3 : 1, other = rows ? 1 : 3;
  if (input.shape[at] != channels && input.shape[at] >= 0) {
    const bool turned = input.shape[other] == channels;
    return fail(Code::invalid_input, takes + ", which input.layout = \"" + (rows ? "rows" : "planes") + "\" and " +
                                         std::to_string(channels) + " colours do not fit" +
                                         (turned ? std::string("; layout = \"") + (rows ? "planes" : "rows") + "\" does" : ""));
  }
  if (input.shape[0] > 1) return fail(Code::invalid_input, takes + ": pictures are given one at a time");
  plan.rule = rule;
  plan.rule.height = TRY(side("height", rule.height, input.shape[rows ? 1 : 2]));
  plan.rule.width = TRY(side("width", rule.width, input.shape[rows ? 2 : 3]));
  plan.shape = rows ? Shape{1, plan.rule.height, plan.rule.width, channels}
                    : Shape{1, channels, plan.rule.height, plan.rule.width};
  plan.type = input.type;
  switch (input.type) {
    case ElementType::float32: plan.element.kind = engine::Element::Kind::float32; return {};
    case ElementType::uint8: plan.element.kind = engine::Element::Kind::uint8; return {};
    case ElementType::int8: plan.element.kind = engine::Element::Kind::int8; return {};
    default:
      return fail(Code::invalid_input, takes + " of " + std::string(codec::onnx::name_of(input.type)) +
                                           "; pictures are given as float32, uint8 or int8");
  }
}

// By name, or where none is said the one at `order`.
Result<PicturePlan::Output> find_output(const Session& session, const char* key, const std::string& name, std::size_t order) {
  const auto& outputs = session.outputs();
  std::size_t index = order;
  if (!name.empty()) {
    const auto at = std::ranges::find(outputs, name, &ValueInfo::name);
    index = static_cast<std::size_t>(at - outputs.begin());
  }
  if (index < outputs.size()) return PicturePlan::Output{index, {}, outputs[index].shape};
  std::string all;
  for (const ValueInfo& output : outputs) all += (all.empty() ? "'" : ", '") + base::printable(output.name) + "'";
  return fail(Code::invalid_input, std::string(key) + ": the model has no output '" +
                                       (name.empty() ? std::to_string(order + 1) : base::printable(name)) + "', but " + all);
}

// The last size of a shape; -1 where the model leaves it open.
std::int64_t last_of(const Shape& shape) { return shape.empty() ? 1 : shape.back(); }

Result<void> check_labels(const Description& description, std::int64_t classes, const char* what) {
  const std::size_t labels = description.labels.size();
  if (labels == 0 || classes < 0 || std::size_t(classes) == labels) return {};
  return fail(Code::invalid_input, "labels: there are " + std::to_string(labels) + ", and the model has " +
                                       std::to_string(classes) + " " + what);
}

Result<void> plan_detection(const Description& description, const Session& session, PicturePlan& plan) {
  const DetectionRule& rule = description.detection;
  if (rule.decoder == DetectionRule::Decoder::boxes) {
    // The order of TFLite_Detection_PostProcess: boxes, classes, scores, count.
    plan.outputs.push_back(TRY(find_output(session, "detection.boxes", rule.boxes, 0)));
    plan.outputs.push_back(TRY(find_output(session, "detection.scores", rule.scores, 2)));
    plan.outputs.push_back(TRY(find_output(session, "detection.classes", rule.classes, 1)));
    plan.outputs.push_back(TRY(find_output(session, "detection.count", rule.count, 3)));
    return {};
  }
  plan.outputs.push_back(TRY(find_output(session, "detection.boxes", rule.boxes, 0)));
  plan.outputs.push_back(TRY(find_output(session, "detection.scores", rule.scores, 1)));
  const Shape &boxes = plan.outputs[0].shape, &scores = plan.outputs[1].shape;
  const std::string said = "boxes are " + shape_text(boxes) + " and scores " + shape_text(scores);
  if (last_of(boxes) >= 0 && last_of(boxes) < 4)
    return fail(Code::invalid_input, said + ": a box has four numbers" +
                                         (last_of(scores) == 4 ? "; name them the other way round" : ""));
  if (boxes.size() >= 2 && scores.size() >= 2 && boxes[1] >= 0 && scores[1] >= 0 && boxes[1] != scores[1])
    return fail(Code::invalid_input, said + ": not as many scores as boxes");
  return check_labels(description, last_of(scores), "classes");
}

// The channels of a mask; -1 where it has one, which says two things, or the model leaves them open.
std::int64_t channels_of(const Shape& shape, Layout layout) {
  if (shape.size() != 4) return -1;
  const std::int64_t channels = shape[layout == Layout::rows ? 3 : 1];
  return channels > 1 ? channels : -1;
}

Result<void> plan_outputs(const Description& description, const Session& session, PicturePlan& plan) {
  switch (description.task) {
    case Task::detection: return plan_detection(description, session, plan);
    case Task::classification:
      plan.outputs.push_back(TRY(find_output(session, "classification.output", description.rank.output, 0)));
      return check_labels(description, last_of(plan.outputs[0].shape), "classes");
    case Task::segmentation:
      plan.outputs.push_back(TRY(find_output(session, "segmentation.output", description.mask.output, 0)));
      return check_labels(description, channels_of(plan.outputs[0].shape, description.input.layout), "classes of cells");
    case Task::series:
    case Task::tensors: break;
  }
  return fail(Code::invalid_input, "the model takes no pictures");
}

}  // namespace

Result<PicturePlan> plan_picture(const Description& description, const Session& session, base::BytesView model) {
  PicturePlan plan;
  const auto& inputs = session.inputs();
  if (inputs.size() != 1)
    return fail(Code::invalid_input, "the model has " + std::to_string(inputs.size()) + " inputs; one that sees pictures has one");
  if (!description.input.name.empty() && description.input.name != inputs[0].name)
    return fail(Code::invalid_input, "input.name: the model has no input '" + description.input.name + "', but '" +
                                         base::printable(inputs[0].name) + "'");
  TRY(plan_input(description.input, inputs[0], plan));
  TRY(plan_outputs(description, session, plan));
  const bool whole = plan.type != ElementType::float32 || std::ranges::any_of(plan.outputs, [&](const auto& output) {
                       const auto type = session.outputs()[output.index].type;
                       return type == ElementType::uint8 || type == ElementType::int8;
                     });
  if (!whole) return plan;
  const codec::onnx::Graph graph = TRY(codec::onnx::read(model));
  const Scale scale = scale_of(graph, inputs[0].name);
  plan.element.scale = scale.scale;
  plan.element.zero_point = scale.zero_point;
  for (auto& output : plan.outputs) output.scale = scale_of(graph, session.outputs()[output.index].name);
  return plan;
}

}  // namespace selvedge::infer
