#include "codec/onnx/wire.h"

namespace selvedge::codec::onnx {

using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

Result<std::uint64_t> FieldReader::varint() {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < rest_.size() && i < 10; ++i) {
    const std::uint8_t byte = rest_[i];
    if (i == 9 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if (byte & 0x80) continue;
    rest_ = rest_.subspan(i + 1);
    return value;
  }
  return fail(Code::invalid_input, rest_.size() < 10 ? "a number is cut off" : "a number has more than 64 bits");
}

Result<BytesView> FieldReader::take(std::uint64_t count) {
  if (count > rest_.size()) {
    return fail(Code::invalid_input, "a field says " + std::to_string(count) + " bytes and " +
                                         std::to_string(rest_.size()) + " are there");
  }
  const BytesView taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

Result<std::optional<Field>> FieldReader::next() {
  if (rest_.empty()) return std::optional<Field>();
  const std::uint64_t tag = TRY(varint());
  Field field;
  field.number = static_cast<std::uint32_t>(tag >> 3);
  if (tag >> 3 == 0 || tag >> 32 != 0) return fail(Code::invalid_input, "a field has no number");
  field.type = static_cast<WireType>(tag & 7);
  const auto fixed = [&](std::size_t size) -> Result<std::uint64_t> {
    std::uint64_t value = 0;
    const BytesView bytes = TRY(take(size));
    for (std::size_t i = 0; i < size; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
    return value;
  };
  switch (field.type) {
    case WireType::varint: field.value = TRY(varint()); break;
    case WireType::fixed64: field.value = TRY(fixed(8)); break;
    case WireType::fixed32: field.value = TRY(fixed(4)); break;
    case WireType::bytes: {
      const std::uint64_t size = TRY(varint());
      field.bytes = TRY(take(size));
      break;
    }
    default: return fail(Code::invalid_input, "a field is of no known kind");
  }
  return std::optional<Field>(field);
}

}  // namespace selvedge::codec::onnx
