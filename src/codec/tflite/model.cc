#include "codec/tflite/model.h"

#include <algorithm>

namespace selvedge::codec::tflite {

using base::BytesView;
using base::Code;
using base::fail;
using base::Result;
using onnx::ElementType;

namespace {

constexpr std::size_t most_dimensions = 8;
constexpr std::size_t most_name_bytes = 4'096;

// Places of fields in the schema's tables.
namespace model_field { enum : unsigned { version, operator_codes, subgraphs, description, buffers }; }
namespace code_field { enum : unsigned { old_code, custom, version, code }; }
namespace graph_field { enum : unsigned { tensors, inputs, outputs, operators }; }
namespace buffer_field { enum : unsigned { data, offset, size }; }
namespace tensor_field { enum : unsigned { shape, type, buffer, name, quantisation, variable, sparsity }; }
namespace quantisation_field { enum : unsigned { min, max, scale, zero_point, details_type, details, dimension }; }
namespace operator_field { enum : unsigned { code, inputs, outputs, options_type, options, custom_options }; }

std::string short_name(std::string_view text) { return std::string(text.substr(0, most_name_bytes)); }

// The bytes of a buffer: inside the table, or (in files over 2 GB) at an offset of the whole file.
Result<BytesView> buffer_bytes(const Table& buffer, BytesView file) {
  const auto offset = buffer.number<std::uint64_t>(buffer_field::offset);
  const auto size = buffer.number<std::uint64_t>(buffer_field::size);
  if (offset <= 1) return buffer.bytes(buffer_field::data);
  if (offset > file.size() || size > file.size() - offset) return fail(Code::invalid_input, "a buffer lies outside the file");
  return file.subspan(offset, size);
}

Result<Quantisation> read_quantisation(const Table& table, const Tensor& tensor) {
  Quantisation quantisation;
  if (!table) return quantisation;
  if (table.number<std::uint8_t>(quantisation_field::details_type) != 0) {
    return fail(Code::invalid_input, "it is quantised in a way of its own");
  }
  quantisation.scales = table.numbers<float>(quantisation_field::scale);
  quantisation.zero_points = table.numbers<std::int64_t>(quantisation_field::zero_point);
  quantisation.dimension = table.number<std::int32_t>(quantisation_field::dimension);
  const std::size_t count = quantisation.scales.size();
  // Some files leave out zero points, which are then 0.
  if (quantisation.zero_points.empty()) quantisation.zero_points.assign(count, 0);
  if (quantisation.zero_points.size() == 1) quantisation.zero_points.assign(count, quantisation.zero_points[0]);
  if (quantisation.zero_points.size() != count) return fail(Code::invalid_input, "it has scales without zero points");
  if (std::ranges::any_of(quantisation.scales, [](float s) { return !(s >= 0) || s > 1e30F; })) {
    return fail(Code::invalid_input, "a scale is no number");
  }
  if (count <= 1) return quantisation;
  const auto dimension = static_cast<std::size_t>(quantisation.dimension);
  if (quantisation.dimension < 0 || dimension >= tensor.shape.size() ||
      tensor.shape[dimension] != static_cast<std::int64_t>(count)) {
    return fail(Code::invalid_input, "its scales do not fit its shape");
  }
  return quantisation;
}

Result<Tensor> read_tensor(const Table& table, const std::vector<Table>& buffers, BytesView file) {
  Tensor tensor;
  tensor.name = short_name(table.text(tensor_field::name));
  tensor.type = static_cast<TensorType>(table.number<std::uint8_t>(tensor_field::type));
  const std::vector<std::int32_t> shape = table.numbers<std::int32_t>(tensor_field::shape);
  if (shape.size() > most_dimensions) return fail(Code::invalid_input, "it has too many dimensions");
  // A size that is not known while converting is written as -1; one is then meant.
  for (const std::int32_t size : shape) tensor.shape.push_back(size < 0 ? 1 : size);
  const std::size_t elements = TRY(onnx::elements_of(tensor.shape));
  tensor.quantisation = TRY(read_quantisation(table.table(tensor_field::quantisation), tensor));
  tensor.sparsity = table.table(tensor_field::sparsity);
  const std::uint32_t buffer = table.number<std::uint32_t>(tensor_field::buffer);
  if (buffer == 0) return tensor;
  if (buffer >= buffers.size()) return fail(Code::invalid_input, "its buffer does not exist");
  tensor.data = TRY(buffer_bytes(buffers[buffer], file));
  tensor.constant = !tensor.data.empty() || (!tensor.shape.empty() && elements == 0);
  const auto type = element_type(tensor.type);
  if (!tensor.constant || tensor.sparsity || !type) return tensor;
  const std::size_t wanted = elements * onnx::bytes_of(*type);
  if (onnx::bytes_of(*type) != 0 && tensor.data.size() != wanted) {
    return fail(Code::invalid_input, "its buffer has " + std::to_string(tensor.data.size()) +
                                         " bytes and its shape needs " + std::to_string(wanted));
  }
  return tensor;
}

Result<std::vector<std::int32_t>> tensor_list(const Table& table, unsigned field, std::size_t tensors,
                                              std::int32_t lowest) {
  std::vector<std::int32_t> list = table.numbers<std::int32_t>(field);
  for (const std::int32_t index : list) {
    if (index < lowest || index >= static_cast<std::int32_t>(tensors)) {
      return fail(Code::invalid_input, "tensor " + std::to_string(index) + " does not exist");
    }
  }
  return list;
}

Result<Operator> read_operator(const Table& table, const std::vector<Table>& codes, std::size_t tensors) {
  Operator read;
  const std::uint32_t index = table.number<std::uint32_t>(operator_field::code);
  if (index >= codes.size()) return fail(Code::invalid_input, "its kind does not exist");
  // Newer files have a wider field; older ones only the byte.
  read.code = std::max<std::int32_t>(codes[index].number<std::int8_t>(code_field::old_code),
                                     codes[index].number<std::int32_t>(code_field::code));
  read.name = read.code == custom_operator ? short_name(codes[index].text(code_field::custom))
                                           : std::string(operator_name(read.code));
  if (read.name.empty()) read.name = "kind " + std::to_string(read.code);
  read.inputs = TRY(tensor_list(table, operator_field::inputs, tensors, -1));
  read.outputs = TRY(tensor_list(table, operator_field::outputs, tensors, 0));
  read.options = table.table(operator_field::options);
  read.custom_options = table.bytes(operator_field::custom_options);
  return read;
}

}  // namespace

std::optional<ElementType> element_type(TensorType type) {
  switch (type) {
    case TensorType::float32: return ElementType::float32;
    case TensorType::float16: return ElementType::float16;
    case TensorType::int32: return ElementType::int32;
    case TensorType::uint8: return ElementType::uint8;
    case TensorType::int64: return ElementType::int64;
    case TensorType::text: return ElementType::text;
    case TensorType::boolean: return ElementType::boolean;
    case TensorType::int16: return ElementType::int16;
    case TensorType::int8: return ElementType::int8;
    case TensorType::float64: return ElementType::float64;
    case TensorType::uint64: return ElementType::uint64;
    case TensorType::uint32: return ElementType::uint32;
    case TensorType::uint16: return ElementType::uint16;
  }
  return std::nullopt;
}

Result<Model> parse(BytesView bytes, const ModelLimits& limits) {
  if (bytes.size() < 8 || base::as_text(bytes.subspan(4, 4)) != "TFL3") {
    return fail(Code::invalid_input, "it is no TensorFlow Lite file (TFL3 is not at byte 4)");
  }
  Model model;
  model.file = std::make_unique<FlatFile>(bytes);
  const Table root = model.file->root();
  const auto unsound = [&] { return fail(Code::invalid_input, model.file->flaw()); };
  const std::uint32_t version = root.number<std::uint32_t>(model_field::version);
  const std::vector<Table> codes = root.tables(model_field::operator_codes);
  const std::vector<Table> graphs = root.tables(model_field::subgraphs);
  const std::vector<Table> buffers = root.tables(model_field::buffers);
  model.description = short_name(root.text(model_field::description));
  if (!model.file->sound()) return unsound();
  if (version != 3) return fail(Code::invalid_input, "schema version " + std::to_string(version) + " is not 3");
  if (graphs.empty()) return fail(Code::invalid_input, "it holds no graph");

  const Table& graph = graphs[0];
  const std::vector<Table> tensors = graph.tables(graph_field::tensors);
  const std::vector<Table> operators = graph.tables(graph_field::operators);
  if (!model.file->sound()) return unsound();
  if (tensors.size() > limits.tensors) return fail(Code::exhausted, "it has too many tensors");
  if (operators.size() > limits.operators) return fail(Code::exhausted, "it has too many operators");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    auto tensor = read_tensor(tensors[i], buffers, bytes);
    if (!model.file->sound()) return unsound();
    model.tensors.push_back(TRY(base::while_doing("tensor " + std::to_string(i), std::move(tensor))));
  }
  for (std::size_t i = 0; i < operators.size(); ++i) {
    auto read = read_operator(operators[i], codes, tensors.size());
    if (!model.file->sound()) return unsound();
    model.operators.push_back(TRY(base::while_doing("operator " + std::to_string(i), std::move(read))));
  }
  model.inputs = TRY(base::while_doing("inputs", tensor_list(graph, graph_field::inputs, tensors.size(), 0)));
  model.outputs = TRY(base::while_doing("outputs", tensor_list(graph, graph_field::outputs, tensors.size(), 0)));
  if (!model.file->sound()) return unsound();
  return model;
}

}  // namespace selvedge::codec::tflite
