#include "codec/tflite/import.h"

#include <algorithm>
#include <array>

#include "codec/tflite/labels.h"
#include "codec/tflite/operators.h"

namespace selvedge::codec::tflite {

using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

using List = std::span<const Conversion> (*)();
constexpr std::array<List, 9> lists{arithmetic_conversions, compare_conversions, convolution_conversions,
                                    detection_conversions,  picture_conversions, reduce_conversions,
                                    shape_conversions,      slice_conversions,   storage_conversions};

Port port_of(const onnx::ValueInfo& info, const Tensor& tensor) {
  Port port{info.name, info.type, info.shape, {}};
  if (tensor.quantised()) port.quantised = Port::Scale{tensor.quantisation.scales[0], tensor.quantisation.zero_points[0]};
  return port;
}

std::string step_of(const Builder& builder, const Operator& op, std::size_t number) {
  std::string step = "operator " + std::to_string(number) + " (" + op.name;
  std::string_view between = " -> ";
  for (std::size_t i = 0; i < op.outputs.size() && i < 8; ++i, between = ", ") {
    step += std::string(between) + builder.describe(op.outputs[i]);
  }
  return step + ")";
}

Result<Done> convert(Builder& builder, const Operator& op, const ImportOptions& options) {
  const Conversion* conversion = find_conversion(op);
  if (conversion == nullptr) return fail(Code::invalid_input, "not supported");
  if (op.inputs.size() < conversion->inputs || op.outputs.size() < conversion->outputs) {
    return fail(Code::invalid_input, "it has too few inputs or outputs");
  }
  for (std::size_t i = 0; i < conversion->inputs; ++i) {
    if (op.inputs[i] < 0) return fail(Code::invalid_input, "input " + std::to_string(i) + " is left out");
  }
  for (const auto& list : {op.inputs, op.outputs}) {
    for (const std::int32_t index : list) {
      if (index < 0 || builder.tensor(index).type != TensorType::int16 || builder.tensor(index).quantisation.scales.empty()) continue;
      return unsupported(builder.describe(index) + ", quantised to 16 bits,");
    }
  }
  const Result<Done> converted = conversion->convert({builder, op, options});
  if (converted && builder.constant_bytes() > options.constant_bytes) {
    return fail(Code::exhausted, "the constants take more than " + std::to_string(options.constant_bytes) + " bytes");
  }
  return converted;
}

Result<Imported> import_model(BytesView file, const ImportOptions& options) {
  const Model model = TRY(parse(file, {.tensors = options.tensors, .operators = options.operators}));
  Builder builder(model);
  for (const std::int32_t index : model.inputs) TRY(builder.define_input(index));
  for (std::size_t i = 0; i < model.operators.size(); ++i) {
    const Operator& op = model.operators[i];
    builder.begin(op, i);
    TRY(base::while_doing(step_of(builder, op, i), convert(builder, op, options)));
    if (!model.file->sound()) return fail(Code::invalid_input, model.file->flaw());
  }
  Imported imported;
  imported.graph = TRY(builder.take());
  imported.description = model.description;
  for (std::size_t i = 0; i < model.inputs.size(); ++i) {
    imported.inputs.push_back(port_of(imported.graph.inputs[i], builder.tensor(model.inputs[i])));
  }
  for (std::size_t i = 0; i < model.outputs.size(); ++i) {
    imported.outputs.push_back(port_of(imported.graph.outputs[i], builder.tensor(model.outputs[i])));
  }
  imported.labels = TRY(base::while_doing("labels", read_labels(file, options.label_bytes)));
  return imported;
}

}  // namespace

bool is_tflite(BytesView file) { return file.size() >= 8 && base::as_text(file.subspan(4, 4)) == "TFL3"; }

const Conversion* find_conversion(const Operator& op) {
  for (const List list : lists) {
    for (const Conversion& conversion : list()) {
      if (conversion.code == op.code && (op.code != custom_operator || conversion.custom == op.name)) return &conversion;
    }
  }
  return nullptr;
}

std::vector<std::string_view> known_operators() {
  std::vector<std::string_view> names;
  for (const List list : lists) {
    for (const Conversion& conversion : list()) {
      names.push_back(conversion.custom.empty() ? operator_name(conversion.code) : conversion.custom);
    }
  }
  std::ranges::sort(names);
  return names;
}

Result<std::size_t> axis_of(std::int64_t axis, std::size_t rank) {
  const auto size = static_cast<std::int64_t>(rank);
  if (axis < -size || axis >= size) {
    return fail(Code::invalid_input, "axis " + std::to_string(axis) + " of " + std::to_string(rank) + " does not exist");
  }
  return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
}

std::int64_t axis_in(Layout layout, std::size_t axis, std::size_t rank) {
  constexpr std::array<std::int64_t, 4> places{0, 2, 3, 1};
  return layout == Layout::planes && rank == 4 ? places[axis] : static_cast<std::int64_t>(axis);
}

Result<Done> need_rank(const Context& context, std::int32_t index, std::size_t rank) {
  if (context.builder.tensor(index).shape.size() == rank) return Done{};
  return fail(Code::invalid_input, context.builder.describe(index) + " should have " + std::to_string(rank) + " dimensions");
}

std::unexpected<base::Error> unsupported(std::string what) {
  return fail(Code::invalid_input, std::move(what) + " is not supported");
}

Result<Imported> import(BytesView file, const ImportOptions& options) {
  return base::while_doing("import", import_model(file, options));
}

}  // namespace selvedge::codec::tflite
