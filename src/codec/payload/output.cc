#include "codec/payload/output.h"

#include "base/text.h"

namespace selvedge::codec::payload {

using base::Code;
using base::fail;

base::Result<void> Output::refuse_count() const {
  return fail(Code::invalid_input,
              "more than " + std::to_string(options_.bounds.readings) + " readings in one message");
}

base::Result<void> Output::refuse_name(std::string_view name) const {
  if (name.size() > options_.bounds.name_bytes)
    return fail(Code::invalid_input, "name " + quote(name) + ": longer than " +
                                         std::to_string(options_.bounds.name_bytes) + " bytes");
  return fail(Code::invalid_input, "name " + quote(name) + ": holds a control character");
}

base::Result<void> Output::refuse_text(std::string_view name, std::size_t size) const {
  return fail(Code::invalid_input, "text of " + quote(name) + ": " + std::to_string(size) +
                                       " bytes, at most " +
                                       std::to_string(options_.bounds.text_bytes) + " allowed");
}

bool is_ascii(std::string_view text) {
  constexpr std::uint64_t high = 0x8080808080808080;
  const char* p = text.data();
  std::size_t left = text.size();
  std::uint64_t seen = 0;
  for (; left >= 32; left -= 32, p += 32)
    seen |= load_eight(p) | load_eight(p + 8) | load_eight(p + 16) | load_eight(p + 24);
  for (; left > 0; --left, ++p) seen |= static_cast<unsigned char>(*p);
  return (seen & high) == 0;
}

std::string quote(std::string_view text) { return "'" + base::printable(text, 64) + "'"; }

}  // namespace selvedge::codec::payload
