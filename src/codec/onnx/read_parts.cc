#include "codec/onnx/read_parts.h"

namespace selvedge::codec::onnx {

using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

// AttributeProto.AttributeType
enum Kind : std::int64_t { real = 1, integer = 2, text = 3, tensor = 4, graph = 5, reals = 6, integers = 7, texts = 8 };

struct RawAttribute {
  std::int64_t kind = 0;
  std::int64_t integer = 0;
  float real = 0;
  BytesView text, tensor, graph;
  std::vector<std::int64_t> integers;
  std::vector<float> reals;
  std::vector<std::string> texts;
};

Result<std::size_t> read_reals(const Field& field, Budget& budget, std::vector<float>& to) {
  if (field.type == WireType::fixed32) {
    TRY(budget.take());
    to.push_back(field.real());
    return to.size();
  }
  if (field.bytes.size() % sizeof(float) != 0) return fail(Code::invalid_input, "a real number is cut off");
  const std::size_t count = TRY(budget.take(field.bytes.size() / sizeof(float)));
  const std::size_t before = to.size();
  to.resize(before + count);
  if (count != 0) std::memcpy(to.data() + before, field.bytes.data(), field.bytes.size());
  return to.size();
}

Result<std::int64_t> dimension(BytesView message) {
  std::int64_t size = -1;
  for (FieldReader reader(message);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    // dim_value; some tools write -1 for what they do not know.
    if (field->number == 1) size = field->integer() >= 0 ? field->integer() : -1;
  }
  return size;
}

Result<Shape> read_shape(BytesView message, Budget& budget) {
  Shape shape;
  for (FieldReader reader(message);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    if (field->number != 1) continue;
    TRY(budget.take());
    if (shape.size() == most_dimensions) return fail(Code::invalid_input, "there are too many dimensions");
    shape.push_back(TRY(dimension(field->bytes)));
  }
  return shape;
}

}  // namespace

Result<std::size_t> Budget::take(std::size_t count) {
  if (count > parts_) return fail(Code::exhausted, "the model has too many parts");
  parts_ -= count;
  return count;
}

Result<ElementType> element_type(std::int64_t number) {
  if (number < 1 || number > 13) {
    return fail(Code::invalid_input, "element type " + std::to_string(number) + " is not supported");
  }
  return static_cast<ElementType>(number);
}

Result<std::size_t> read_integers(const Field& field, Budget& budget, std::vector<std::int64_t>& to) {
  if (field.type != WireType::bytes) {
    TRY(budget.take());
    to.push_back(field.integer());
    return to.size();
  }
  for (FieldReader run(field.bytes); !run.at_end();) {
    TRY(budget.take());
    to.push_back(static_cast<std::int64_t>(TRY(run.varint())));
  }
  return to.size();
}

Result<std::optional<ValueInfo>> read_value_info(BytesView message, Budget& budget) {
  ValueInfo info;
  BytesView type, tensor, shape;
  for (FieldReader reader(message);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    if (field->number == 1) info.name = field->text();
    if (field->number == 2) type = field->bytes;
  }
  for (FieldReader reader(type);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    if (field->number == 1) tensor = field->bytes;
  }
  std::int64_t element = 0;
  for (FieldReader reader(tensor);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    if (field->number == 1) element = field->integer();
    if (field->number == 2) shape = field->bytes;
  }
  const Result<ElementType> known = element_type(element);
  if (!known) return std::optional<ValueInfo>();
  info.type = *known;
  info.shape = TRY(base::while_doing("value '" + info.name + "'", read_shape(shape, budget)));
  return std::optional<ValueInfo>(std::move(info));
}

Result<Attribute> read_attribute(BytesView message, Budget& budget) {
  Attribute attribute;
  RawAttribute raw;
  std::uint32_t last = 0;
  for (FieldReader reader(message);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    if (field->number >= 2 && field->number <= 9) last = field->number;
    switch (field->number) {
      case 1: attribute.name = field->text(); break;
      case 2: raw.real = field->real(); break;
      case 3: raw.integer = field->integer(); break;
      case 4: raw.text = field->bytes; break;
      case 5: raw.tensor = field->bytes; break;
      case 6: raw.graph = field->bytes; break;
      case 7: TRY(read_reals(*field, budget, raw.reals)); break;
      case 8: TRY(read_integers(*field, budget, raw.integers)); break;
      case 9:
        TRY(budget.take());
        raw.texts.push_back(field->text());
        break;
      case 20: raw.kind = field->integer(); break;
      case 21: return fail(Code::invalid_input, "attribute '" + attribute.name + "' belongs to a function");
      default: break;
    }
  }
  // Files of the first version do not say the kind; the field that is there does.
  if (raw.kind == 0 && last != 0) raw.kind = last - 1;
  switch (raw.kind) {
    case real: attribute.value = raw.real; break;
    case integer: attribute.value = raw.integer; break;
    case text: attribute.value = std::string(base::as_text(raw.text)); break;
    case tensor:
      attribute.value = TRY(base::while_doing("attribute '" + attribute.name + "'", read_constant(raw.tensor, budget)));
      break;
    case graph: attribute.value = Inner{{raw.graph.begin(), raw.graph.end()}}; break;
    case reals: attribute.value = std::move(raw.reals); break;
    case integers: attribute.value = std::move(raw.integers); break;
    case texts: attribute.value = std::move(raw.texts); break;
    default:
      return fail(Code::invalid_input, "attribute '" + attribute.name + "' is of kind " +
                                           std::to_string(raw.kind) + ", which is not supported");
  }
  return attribute;
}

Result<Node> read_node(BytesView message, Budget& budget) {
  Node node;
  for (FieldReader reader(message);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    switch (field->number) {
      case 1: case 2:
        TRY(budget.take());
        (field->number == 1 ? node.inputs : node.outputs).push_back(field->text());
        break;
      case 3: node.name = field->text(); break;
      case 4: node.op = field->text(); break;
      case 5:
        TRY(budget.take());
        node.attributes.push_back(TRY(read_attribute(field->bytes, budget)));
        break;
      case 7: node.domain = field->text(); break;
      default: break;
    }
  }
  // Two names of one domain.
  if (node.domain == "ai.onnx") node.domain.clear();
  return node;
}

}  // namespace selvedge::codec::onnx
