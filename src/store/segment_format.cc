#include "store/segment_format.h"

#include <charconv>
#include <cstring>

#include "base/crc32c.h"

namespace selvedge::store::format {
namespace {

constexpr std::string_view magic = "SELVLOG\x01";
constexpr std::string_view suffix = ".log";
constexpr std::size_t digits = 16;

std::uint32_t load_u32(const std::uint8_t* at) {
  std::uint32_t v;
  std::memcpy(&v, at, sizeof v);
  return v;
}

}  // namespace

std::string file_name(Position start) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string name(digits, '0');
  std::uint64_t v = start.value;
  for (std::size_t i = digits; i-- > 0; v >>= 4) name[i] = hex[v & 15];
  return name.append(suffix);
}

std::optional<Position> parse_file_name(std::string_view name) {
  if (name.size() != digits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  Position start;
  const char* const end = name.data() + digits;
  const auto [at, error] = std::from_chars(name.data(), end, start.value, 16);
  if (error != std::errc() || at != end || file_name(start) != name) return std::nullopt;
  return start;
}

void put_file_header(std::uint8_t* into, Position start) {
  std::memcpy(into, magic.data(), 8);
  std::memcpy(into + 8, &start.value, 8);
  const std::uint32_t checksum = base::crc32c({into, 16});
  std::memcpy(into + 16, &checksum, 4);
  std::memset(into + 20, 0, 4);
}

bool is_file_header(base::BytesView bytes, Position start) {
  if (bytes.size() < file_header_bytes) return false;
  std::array<std::uint8_t, file_header_bytes> expected;
  put_file_header(expected.data(), start);
  return std::memcmp(bytes.data(), expected.data(), expected.size()) == 0;
}

void put_record(base::Bytes& out, std::uint8_t kind, base::BytesView head, base::BytesView tail) {
  const std::size_t at = out.size();
  const auto length = static_cast<std::uint32_t>(head.size() + tail.size());
  out.resize(at + record_header_bytes + length);
  std::uint8_t* const p = out.data() + at;
  std::memcpy(p, &length, 4);
  p[8] = kind;
  if (!head.empty()) std::memcpy(p + record_header_bytes, head.data(), head.size());
  if (!tail.empty()) std::memcpy(p + record_header_bytes + head.size(), tail.data(), tail.size());
  const std::uint32_t checksum =
      base::crc32c({p + 8, std::size_t{1} + length}, base::crc32c({p, 4}));
  std::memcpy(p + 4, &checksum, 4);
}

Parsed parse_record(base::BytesView bytes, std::uint64_t record_bytes) {
  using What = Parsed::What;
  if (bytes.size() < record_header_bytes) return {What::incomplete, 0, {}, record_header_bytes};
  const std::uint32_t length = load_u32(bytes.data());
  if (length > record_bytes) return {};
  const std::size_t size = record_header_bytes + length;
  if (bytes.size() < size) return {What::incomplete, 0, {}, size};
  const std::uint32_t checksum =
      base::crc32c(bytes.subspan(8, 1 + length), base::crc32c(bytes.first(4)));
  if (checksum != load_u32(bytes.data() + 4)) return {};
  return {What::record, bytes[8], bytes.subspan(record_header_bytes, length), size};
}

}  // namespace selvedge::store::format
