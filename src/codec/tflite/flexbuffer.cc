#include "codec/tflite/flexbuffer.h"

#include <cstring>

namespace selvedge::codec::tflite {

using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

// The upper six bits of a packed type byte.
enum Kind : unsigned { integer = 1, natural = 2, real = 3, text = 5, indirect_integer = 6, indirect_natural = 7,
                       indirect_real = 8, map = 9, boolean = 26 };

constexpr std::size_t most_entries = 1'000;

std::unexpected<base::Error> damaged() { return fail(Code::invalid_input, "its options are damaged"); }

class Reader {
 public:
  explicit Reader(BytesView bytes) : bytes_(bytes) {}

  bool fits(std::size_t at, std::size_t size) const { return at <= bytes_.size() && bytes_.size() - at >= size; }

  Result<std::uint64_t> natural_at(std::size_t at, std::size_t width) const {
    if (!fits(at, width) || (width != 1 && width != 2 && width != 4 && width != 8)) return damaged();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value |= std::uint64_t{bytes_[at + i]} << (8 * i);
    return value;
  }

  Result<double> number_at(std::size_t at, std::size_t width, unsigned kind) const {
    const std::uint64_t bits = TRY(natural_at(at, width));
    if (kind == natural || kind == boolean) return static_cast<double>(bits);
    if (kind == real && width == 4) {
      float value = 0;
      std::memcpy(&value, bytes_.data() + at, sizeof value);
      return value;
    }
    if (kind == real && width == 8) {
      double value = 0;
      std::memcpy(&value, bytes_.data() + at, sizeof value);
      return value;
    }
    if (kind == real) return damaged();
    const unsigned unused = static_cast<unsigned>(64 - 8 * width);
    return static_cast<double>(static_cast<std::int64_t>(bits << unused) >> unused);
  }

  // Where the offset stored at `at` leads: offsets point backwards.
  Result<std::size_t> back_from(std::size_t at, std::size_t width) const {
    const std::uint64_t distance = TRY(natural_at(at, width));
    if (distance > at) return damaged();
    return at - static_cast<std::size_t>(distance);
  }

  Result<std::string> key_at(std::size_t at) const {
    const std::size_t most = bytes_.size() - at;
    const void* end = most == 0 ? nullptr : std::memchr(bytes_.data() + at, 0, most);
    if (end == nullptr) return damaged();
    const auto size = static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - bytes_.data()) - at;
    return std::string(base::as_text(bytes_.subspan(at, size)));
  }

  std::uint8_t byte(std::size_t at) const { return bytes_[at]; }

 private:
  BytesView bytes_;
};

}  // namespace

Result<std::map<std::string, double>> read_flex_map(BytesView bytes) {
  std::map<std::string, double> found;
  if (bytes.size() < 3) return damaged();
  const Reader reader(bytes);
  // The last byte is the width of the root, the one before its type, and the root before those.
  const std::size_t root_width = bytes.back();
  const std::uint8_t root_type = bytes[bytes.size() - 2];
  if (root_type >> 2 != map || root_width > bytes.size() - 2) return damaged();
  const std::size_t values = TRY(reader.back_from(bytes.size() - 2 - root_width, root_width));
  const std::size_t width = std::size_t{1} << (root_type & 3);
  // Before the values: the place of the keys, the keys' width, the count.
  if (values < 3 * width) return damaged();
  const std::uint64_t count = TRY(reader.natural_at(values - width, width));
  const std::uint64_t key_width = TRY(reader.natural_at(values - 2 * width, width));
  const std::size_t keys = TRY(reader.back_from(values - 3 * width, width));
  if (count > most_entries || !reader.fits(values, count * (width + 1))) return damaged();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t key = TRY(reader.back_from(keys + i * key_width, key_width));
    const std::uint8_t type = reader.byte(values + count * width + i);
    unsigned kind = type >> 2;
    std::size_t at = values + i * width, size = width;
    if (kind >= indirect_integer && kind <= indirect_real) {
      at = TRY(reader.back_from(at, width));
      size = std::size_t{1} << (type & 3);
      kind -= indirect_integer - integer;
    }
    if (kind != integer && kind != natural && kind != real && kind != boolean) continue;
    const double value = TRY(reader.number_at(at, size, kind));
    found.emplace(TRY(reader.key_at(key)), value);
  }
  return found;
}

}  // namespace selvedge::codec::tflite
