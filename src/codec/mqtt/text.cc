// Most topics and names are ASCII: eight bytes are tested at a time, and only a byte with its top
// bit set sends the text to the full UTF-8 check. Zero bytes are found as in Mycroft, "null byte
// detection" (1987): (x - 0x01..) & ~x & 0x80.. is not zero exactly if a byte of x is.

#include "codec/mqtt/text.h"

#include <cstdint>
#include <cstring>

#include "base/text.h"

namespace selvedge::codec::mqtt {
namespace {

constexpr std::uint64_t ones = 0x0101010101010101;
constexpr std::uint64_t tops = 0x8080808080808080;

bool has_zero(std::uint64_t x) { return ((x - ones) & ~x & tops) != 0; }

// Up to eight bytes, padded with 'a'.
std::uint64_t load(const char* at, std::size_t count) {
  std::uint64_t x = ones * 'a';
  if (count >= 8) {
    std::memcpy(&x, at, 8);
  } else {
    std::memcpy(&x, at, count);
  }
  return x;
}

bool is_text_the_long_way(std::string_view text) {
  return text.find('\0') == text.npos && base::is_utf8(text);
}

}  // namespace

bool is_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); i += 8) {
    const std::uint64_t x = load(text.data() + i, text.size() - i);
    if (x & tops) return is_text_the_long_way(text.substr(i));
    if (has_zero(x)) return false;
  }
  return true;
}

TextScan scan_topic(std::string_view text) {
  TextScan scan{.valid = true};
  for (std::size_t i = 0; i < text.size(); i += 8) {
    const std::uint64_t x = load(text.data() + i, text.size() - i);
    if (x & tops) {
      const std::string_view rest = text.substr(i);
      scan.valid = is_text_the_long_way(rest);
      if (rest.find_first_of("+#") != rest.npos) scan.wildcards = Wildcards::found;
      return scan;
    }
    if (has_zero(x)) return {};
    if (has_zero(x ^ (ones * '+')) || has_zero(x ^ (ones * '#'))) scan.wildcards = Wildcards::found;
  }
  return scan;
}

}  // namespace selvedge::codec::mqtt
