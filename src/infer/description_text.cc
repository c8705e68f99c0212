#include "infer/description_text.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/text.h"

namespace selvedge::infer {

namespace {

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

// A quoted text, or a comment, at the beginning of `rest`, with its quotes; empty: there is none. What
// does not end goes to the end of the line or file: the library says so.
std::string_view enclosed(std::string_view rest) {
  if (rest.starts_with('#')) return rest.substr(0, rest.find('\n'));
  const char quote = rest.front();
  if (quote != '"' && quote != '\'') return {};
  const std::string three(3, quote);
  const bool lines = rest.starts_with(three);
  const std::string end = lines ? three : std::string(1, quote);
  for (std::size_t at = end.size(); at < rest.size(); ++at) {
    if (rest.substr(at).starts_with(end)) return rest.substr(0, at + end.size());
    if (rest[at] == '\n' && !lines) return rest.substr(0, at);
    if (rest[at] == '\\' && quote == '"') ++at;
  }
  return rest;
}

// The letter at the beginning of `rest`, which is UTF-8, as an escape; takes it off.
std::string escape(std::string_view& rest) {
  const auto first = static_cast<unsigned char>(rest.front());
  const std::size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  std::uint32_t letter = first & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) letter = letter << 6 | (static_cast<unsigned char>(rest[i]) & 0x3fU);
  rest.remove_prefix(size);
  std::array<char, 12> text{};
  std::snprintf(text.data(), text.size(), "\\U%08X", static_cast<unsigned>(letter));
  return text.data();
}

}  // namespace

base::Result<std::string> to_ascii(std::string_view text) {
  if (!base::is_utf8(text)) return base::fail(base::Code::invalid_input, "model.toml: not UTF-8");
  std::string out;
  const auto refuse = [&] {
    const auto line = 1 + std::ranges::count(out, '\n');
    return base::fail(base::Code::invalid_input,
                      "model.toml:" + std::to_string(line) + ": letters beyond ASCII stand in double quotes only");
  };
  while (!text.empty()) {
    const std::string_view piece = enclosed(text);
    if (piece.empty()) {
      if (!is_ascii(text.front())) return refuse();
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    text.remove_prefix(piece.size());
    std::string_view rest = piece;
    for (bool escaped = false; !rest.empty();) {
      if (is_ascii(rest.front())) {
        escaped = rest.front() == '\\' && !escaped;
        out += rest.front();
        rest.remove_prefix(1);
        continue;
      }
      if (piece.front() == '#') rest.remove_prefix(1);
      else if (piece.front() == '"' && !escaped) out += escape(rest);
      else return refuse();
    }
  }
  return out;
}

}  // namespace selvedge::infer
