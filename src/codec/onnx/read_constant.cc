// TensorProto. The elements are either in raw_data, little-endian, or in the repeated field that fits
// their type; int32_data carries every small integer, booleans, and the bits of float16.

#include "codec/onnx/read_parts.h"

namespace selvedge::codec::onnx {

using base::Bytes;
using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

enum Typed : std::uint32_t { floats = 4, int32s = 5, int64s = 7, doubles = 10, uint64s = 11 };

std::uint32_t typed_field(ElementType type) {
  switch (type) {
    case ElementType::float32: return floats;
    case ElementType::float64: return doubles;
    case ElementType::int64: return int64s;
    case ElementType::uint32: case ElementType::uint64: return uint64s;
    default: return int32s;
  }
}

void put_element(Bytes& to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

// The typed fields of a constant, one after the other, as elements of `size` bytes.
Result<std::size_t> append_typed(const Field& field, std::size_t size, Bytes& to) {
  const bool fixed = field.number == floats || field.number == doubles;
  if (field.type != WireType::bytes) {
    put_element(to, field.value, size);
  } else if (fixed) {
    if (field.bytes.size() % size != 0) return fail(Code::invalid_input, "the last element is cut off");
    base::append(to, field.bytes);
  } else {
    for (FieldReader run(field.bytes); !run.at_end();) put_element(to, TRY(run.varint()), size);
  }
  return to.size();
}

}  // namespace

Result<Constant> read_constant(BytesView message, Budget& budget) {
  Constant constant;
  std::int64_t type = 0;
  BytesView raw;
  bool has_raw = false;
  std::vector<Field> typed;
  for (FieldReader reader(message);;) {
    const std::optional<Field> field = TRY(reader.next());
    if (!field) break;
    switch (field->number) {
      case 1: TRY(read_integers(*field, budget, constant.shape)); break;
      case 2: type = field->integer(); break;
      case 8: constant.name = field->text(); break;
      case 9: raw = field->bytes; has_raw = true; break;
      case floats: case int32s: case int64s: case doubles: case uint64s:
        TRY(budget.take());
        typed.push_back(*field);
        break;
      case 3: return fail(Code::invalid_input, "constant '" + constant.name + "' is in segments");
      case 13: return fail(Code::invalid_input, "constant '" + constant.name + "' is in another file");
      case 14:
        if (field->value == 0) break;
        return fail(Code::invalid_input, "constant '" + constant.name + "' is in another file");
      default: break;
    }
  }
  const std::string step = "constant '" + constant.name + "'";
  constant.type = TRY(base::while_doing(step, element_type(type)));
  const std::size_t size = bytes_of(constant.type);
  if (size == 0) return fail(Code::invalid_input, step + " holds text");
  if (constant.shape.size() > most_dimensions) return fail(Code::invalid_input, step + " has too many dimensions");
  const std::size_t elements = TRY(base::while_doing(step, elements_of(constant.shape)));
  if (has_raw) constant.data.assign(raw.begin(), raw.end());
  for (const Field& field : typed) {
    if (has_raw || field.number != typed_field(constant.type)) {
      return fail(Code::invalid_input, step + " has elements in two places, or of another type");
    }
    TRY(base::while_doing(step, append_typed(field, size, constant.data)));
    if (constant.data.size() > elements * size) break;
  }
  if (constant.data.size() != elements * size) {
    return fail(Code::invalid_input, step + " should have " + std::to_string(elements * size) + " bytes");
  }
  return constant;
}

}  // namespace selvedge::codec::onnx
