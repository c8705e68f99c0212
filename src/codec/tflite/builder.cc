#include "codec/tflite/builder.h"

#include <algorithm>
#include <cmath>

#include "codec/tflite/elements.h"

namespace selvedge::codec::tflite {

using base::Bytes;
using base::Code;
using base::fail;
using base::Result;
using onnx::ElementType;

namespace {

const std::vector<std::int64_t> to_planes{0, 3, 1, 2}, to_rows{0, 2, 3, 1};

}  // namespace

Builder::Builder(const Model& model)
    : model_(&model), forms_(model.tensors.size()), names_(model.tensors.size()), known_(model.tensors.size()) {
  used_.insert("");
  const auto name_all = [&](const std::vector<std::int32_t>& list) {
    for (const std::int32_t index : list) name_of(index);
  };
  name_all(model.inputs);
  name_all(model.outputs);
  for (std::size_t i = 0; i < model.tensors.size(); ++i) {
    const Tensor& tensor = model.tensors[i];
    if (!tensor.constant || tensor.sparsity) continue;
    known_[i] = Known{tensor.type, tensor.shape, tensor.data, tensor.quantised() ? tensor.quantisation : Quantisation{}};
  }
}

std::string Builder::unique(std::string name) {
  if (used_.insert(name).second) return name;
  for (std::size_t i = ++added_;; ++i) {
    std::string other = name + "/" + std::to_string(i);
    if (used_.insert(other).second) return other;
  }
}

const std::string& Builder::name_of(std::int32_t index) {
  std::string& name = names_[static_cast<std::size_t>(index)];
  if (!name.empty()) return name;
  const std::string& wanted = tensor(index).name;
  name = unique(wanted.empty() ? "tensor_" + std::to_string(index) : wanted);
  return name;
}

std::string Builder::describe(std::int32_t index) const {
  const std::string& name = tensor(index).name;
  return "tensor " + std::to_string(index) + (name.empty() ? "" : " '" + name + "'");
}

void Builder::begin(const Operator& op, std::size_t number) { step_ = op.name + "_" + std::to_string(number); }

const Known* Builder::known(std::int32_t index) const {
  const auto& known = known_[static_cast<std::size_t>(index)];
  return known ? &*known : nullptr;
}

Result<Done> Builder::define_known(std::int32_t index, Known known, Bytes keep) {
  const Forms& forms = forms_[static_cast<std::size_t>(index)];
  if (this->known(index) != nullptr || std::ranges::any_of(forms, [](const std::string& form) { return !form.empty(); })) {
    return fail(Code::invalid_input, describe(index) + " is made twice");
  }
  if (known.shape != tensor(index).shape) return fail(Code::invalid_input, describe(index) + " has another shape than its constant");
  if (!keep.empty()) {
    kept_.push_back(std::move(keep));
    known.data = kept_.back();
  }
  known_[static_cast<std::size_t>(index)] = std::move(known);
  return Done{};
}

Result<std::vector<std::int64_t>> Builder::integers(std::int32_t index) const {
  const Known* constant = index < 0 ? nullptr : known(index);
  if (constant == nullptr) return fail(Code::invalid_input, (index < 0 ? "an input" : describe(index)) + " has to be a constant");
  std::vector<std::int64_t> values;
  if (constant->type == TensorType::int64) {
    values.resize(constant->data.size() / sizeof(std::int64_t));
    if (!values.empty()) std::memcpy(values.data(), constant->data.data(), constant->data.size());
    return values;
  }
  if (constant->type != TensorType::int32) return fail(Code::invalid_input, describe(index) + " does not hold integers");
  for (std::size_t at = 0; at + sizeof(std::int32_t) <= constant->data.size(); at += sizeof(std::int32_t)) {
    std::int32_t value = 0;
    std::memcpy(&value, constant->data.data() + at, sizeof value);
    values.push_back(value);
  }
  return values;
}

Numbers Builder::own(std::int32_t index) const { return tensor(index).quantised() ? Numbers::stored : Numbers::real; }

bool Builder::in_planes(std::int32_t index) const {
  if (index < 0 || known(index) != nullptr) return false;
  const Forms& forms = forms_[static_cast<std::size_t>(index)];
  return !forms[form(Layout::planes, Numbers::real)].empty() || !forms[form(Layout::planes, Numbers::stored)].empty();
}

Layout Builder::layout_of(std::span<const std::int32_t> indices) const {
  bool planes = false;
  for (const std::int32_t index : indices) {
    if (index < 0) continue;
    const std::size_t rank = tensor(index).shape.size();
    if (rank > 4 || (rank != 4 && known(index) == nullptr)) return Layout::rows;
    planes |= in_planes(index);
  }
  return planes ? Layout::planes : Layout::rows;
}

std::string Builder::constant(ElementType type, Shape shape, Bytes data, std::string_view hint) {
  const std::string name = unique(step_ + "/" + std::string(hint));
  constant_bytes_ += data.size();
  graph_.constants.push_back({name, type, std::move(shape), std::move(data)});
  return name;
}

std::string Builder::integer_list(std::span<const std::int64_t> values) {
  return constant(ElementType::int64, {static_cast<std::int64_t>(values.size())}, bytes_of_values(values), "list");
}

std::string Builder::real(float value) {
  return constant(ElementType::float32, {}, bytes_of_values(std::span<const float>(&value, 1)), "number");
}

std::string Builder::scale_of(const Quantisation& quantisation) {
  const auto count = static_cast<std::int64_t>(quantisation.scales.size());
  return constant(ElementType::float32, count == 1 ? Shape{} : Shape{count},
                  bytes_of_values(std::span<const float>(quantisation.scales)), "scale");
}

std::string Builder::zero_point_of(const Quantisation& quantisation, TensorType type) {
  const auto count = static_cast<std::int64_t>(quantisation.zero_points.size());
  Bytes data;
  for (const std::int64_t zero : quantisation.zero_points) data.push_back(static_cast<std::uint8_t>(zero));
  return constant(type == TensorType::int8 ? ElementType::int8 : ElementType::uint8, count == 1 ? Shape{} : Shape{count},
                  std::move(data), "zero");
}

std::vector<std::string> Builder::add_many(std::string_view op, std::vector<std::string> inputs,
                                           std::vector<onnx::Attribute> attributes, std::size_t outputs) {
  onnx::Node node;
  node.op = op;
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  for (std::size_t i = 0; i < outputs; ++i) node.outputs.push_back(unique(step_ + "/" + std::string(op)));
  node.name = node.outputs[0];                     // the runtime wants every operator's to be different
  fresh_ = node.outputs;
  graph_.nodes.push_back(std::move(node));
  return fresh_;
}

std::string Builder::add(std::string_view op, std::vector<std::string> inputs, std::vector<onnx::Attribute> attributes) {
  return add_many(op, std::move(inputs), std::move(attributes), 1)[0];
}

void Builder::rename(const std::string& from, const std::string& to) {
  for (std::string& output : graph_.nodes.back().outputs) {
    if (output == from) output = to;
  }
}

Result<Done> Builder::define(std::int32_t index, Layout layout, Numbers numbers, const std::string& name) {
  const Tensor& of = tensor(index);
  if (!of.quantised()) numbers = Numbers::real;
  if (of.shape.size() != 4) layout = Layout::rows;
  std::string& place = forms_[static_cast<std::size_t>(index)][form(layout, numbers)];
  if (!place.empty() || known(index) != nullptr) return fail(Code::invalid_input, describe(index) + " is made twice");
  place = name;
  // What was just computed takes the tensor's own name, unless somebody has it under another.
  const auto fresh = std::ranges::find(fresh_, name);
  if (fresh == fresh_.end()) return Done{};
  fresh_.erase(fresh);
  const bool itself = layout == Layout::rows && numbers == own(index) && of.type != TensorType::float16;
  place = itself ? name_of(index)
                 : unique(name_of(index) + (layout == Layout::planes ? "/planes" : "") +
                          (of.quantised() && numbers == Numbers::real ? "/real" : ""));
  rename(name, place);
  return Done{};
}

Result<std::string> Builder::known_value(std::int32_t index, Layout layout, Numbers numbers) {
  const Known& from = *known(index);
  Shape shape = from.shape;
  std::vector<std::size_t> order;
  if (layout == Layout::planes) {
    while (shape.size() < 4) shape.insert(shape.begin(), 1);
    order = {0, 3, 1, 2};
  }
  const std::optional<ElementType> type = element_type(from.type);
  if (!type || onnx::bytes_of(*type) == 0) return fail(Code::invalid_input, describe(index) + " has elements of an unknown kind");
  Bytes data = reordered(from.data, onnx::bytes_of(*type), shape, order);
  const Quantisation& quantisation = from.quantisation;
  std::size_t axis = static_cast<std::size_t>(quantisation.dimension) + shape.size() - from.shape.size();
  if (!order.empty()) {
    shape = reordered(shape, order);
    const auto place = std::ranges::find(order, axis);
    axis = place == order.end() ? 0 : static_cast<std::size_t>(place - order.begin());
  }
  const std::string& hint = tensor(index).name;
  if (from.type == TensorType::float16) {
    Bytes floats(data.size() * 2);
    halves_to_floats(data.data(), reinterpret_cast<float*>(floats.data()), data.size() / 2);
    return constant(ElementType::float32, std::move(shape), std::move(floats), hint);
  }
  // A tensor that is itself not quantised got its elements through DEQUANTIZE: they are real once and for all.
  if (from.quantised() && !tensor(index).quantised()) {
    Bytes reals = dequantised(data, from.type, shape, axis, quantisation);
    return constant(ElementType::float32, std::move(shape), std::move(reals), hint);
  }
  std::string name = constant(*type, std::move(shape), std::move(data), hint);
  if (!from.quantised() || numbers == Numbers::stored) return name;
  std::vector<onnx::Attribute> attributes;
  if (quantisation.scales.size() > 1) attributes.push_back(attribute("axis", static_cast<std::int64_t>(axis)));
  return add("DequantizeLinear", {name, scale_of(quantisation), zero_point_of(quantisation, from.type)}, attributes);
}

// From a form that is there already.
Result<std::string> Builder::made_value(std::int32_t index, Layout layout, Numbers numbers) {
  const Forms& forms = forms_[static_cast<std::size_t>(index)];
  const Tensor& of = tensor(index);
  const Layout other = layout == Layout::rows ? Layout::planes : Layout::rows;
  if (numbers == Numbers::real && of.quantised()) {
    if (of.quantisation.scales.size() != 1) return fail(Code::invalid_input, describe(index) + " has several scales");
    const std::string stored = TRY(value(index, layout, Numbers::stored));
    return add("DequantizeLinear", {stored, scale_of(of.quantisation), zero_point_of(of.quantisation, of.type)});
  }
  const std::string& there = forms[form(other, numbers)];
  if (there.empty() || of.shape.size() != 4) return fail(Code::invalid_input, describe(index) + " is used before it is made");
  return add("Transpose", {there}, {attribute("perm", layout == Layout::planes ? to_planes : to_rows)});
}

Result<std::string> Builder::value(std::int32_t index, Layout layout, Numbers numbers) {
  if (index < 0) return fail(Code::invalid_input, "an input is left out");
  const Tensor& of = tensor(index);
  if (!of.quantised()) numbers = Numbers::real;
  if (known(index) != nullptr) {
    if (known(index)->shape.size() > 4) layout = Layout::rows;
  } else if (of.shape.size() != 4) {
    layout = Layout::rows;
  }
  const std::string& place = forms_[static_cast<std::size_t>(index)][form(layout, numbers)];
  if (!place.empty()) return place;
  if (known(index) != nullptr) {
    std::string made = TRY(known_value(index, layout, numbers));
    fresh_.clear();
    forms_[static_cast<std::size_t>(index)][form(layout, numbers)] = made;
    return made;
  }
  const std::string made = TRY(made_value(index, layout, numbers));
  TRY(define(index, layout, numbers, made));
  return place;
}

Result<std::string> Builder::flat(std::int32_t index, Numbers numbers) {
  const Shape& shape = tensor(index).shape;
  const bool same = shape.size() == 4 && (shape[3] == 1 || shape[1] * shape[2] == 1);
  return value(index, same && in_planes(index) ? Layout::planes : Layout::rows, numbers);
}

Numbers Builder::moved(std::int32_t from, std::int32_t to) const {
  const Tensor& a = tensor(from);
  const Tensor& b = tensor(to);
  return a.quantised() && b.quantised() && a.type == b.type && a.quantisation == b.quantisation ? Numbers::stored : Numbers::real;
}

Result<Done> Builder::finish_moved(std::int32_t index, Layout layout, Numbers numbers, const std::string& name) {
  return numbers == Numbers::stored ? define(index, layout, numbers, name) : finish(index, layout, name);
}

std::string Builder::activated(std::string name, Activation activation, const Tensor& of) {
  if (activation == Activation::none) return name;
  if (activation == Activation::tanh) return add("Tanh", {name});
  if (activation == Activation::sign_bit) return name;
  const float low = activation == Activation::relu_n1_to_1 ? -1.0F : 0.0F;
  const float high = activation == Activation::relu ? INFINITY : activation == Activation::relu6 ? 6.0F : 1.0F;
  if (of.quantised()) {
    // Often the integers can hold nothing outside of the range anyway.
    const double scale = of.quantisation.scales[0], zero = static_cast<double>(of.quantisation.zero_points[0]);
    const double least = of.type == TensorType::int8 ? -128 : 0, most = least + 255;
    const bool bounded = low <= (least - zero) * scale + scale / 2 && high >= (most - zero) * scale - scale / 2;
    if (bounded) return name;
  }
  if (activation == Activation::relu) return add("Relu", {name});
  const std::string from = real(low), to = real(high);
  return add("Clip", {name, from, to});
}

Result<Done> Builder::finish(std::int32_t index, Layout layout, std::string name, Activation activation) {
  const Tensor& of = tensor(index);
  if (activation == Activation::sign_bit || activation > Activation::sign_bit) {
    return fail(Code::invalid_input, "activation " + std::to_string(static_cast<int>(activation)) + " is not supported");
  }
  if (of.quantised() && of.quantisation.scales.size() != 1) {
    return fail(Code::invalid_input, describe(index) + " has several scales");
  }
  name = activated(std::move(name), activation, of);
  if (!of.quantised()) return define(index, layout, Numbers::real, name);
  name = add("QuantizeLinear", {name, scale_of(of.quantisation), zero_point_of(of.quantisation, of.type)});
  return define(index, layout, Numbers::stored, name);
}

Result<Done> Builder::define_input(std::int32_t index) {
  const Tensor& of = tensor(index);
  const std::optional<ElementType> type = element_type(of.type);
  if (!type) return fail(Code::invalid_input, describe(index) + " has elements of an unknown kind");
  const std::string& name = name_of(index);
  graph_.inputs.push_back({name, *type, of.shape});
  step_ = "inputs";
  if (of.type != TensorType::float16) return define(index, Layout::rows, own(index), name);
  // Everything is computed in single precision.
  const std::string cast = add("Cast", {name}, {attribute("to", static_cast<std::int64_t>(ElementType::float32))});
  return define(index, Layout::rows, Numbers::real, cast);
}

Result<onnx::Graph> Builder::take() {
  step_ = "outputs";
  std::unordered_set<std::string> given;
  for (const std::int32_t index : model_->outputs) {
    const Tensor& of = tensor(index);
    const std::optional<ElementType> type = element_type(of.type);
    if (!type) return fail(Code::invalid_input, describe(index) + " has elements of an unknown kind");
    std::string name = TRY(value(index, Layout::rows, own(index)));
    const std::string& wanted = name_of(index);
    if (name != wanted || given.contains(name)) {
      const bool half = of.type == TensorType::float16 && known(index) == nullptr;
      name = half ? add("Cast", {name}, {attribute("to", static_cast<std::int64_t>(*type))}) : add("Identity", {name});
      if (!given.contains(wanted)) {
        rename(name, wanted);
        name = wanted;
      }
      fresh_.clear();
    }
    given.insert(name);
    graph_.outputs.push_back({name, *type, of.shape});
  }
  return std::move(graph_);
}

}  // namespace selvedge::codec::tflite
