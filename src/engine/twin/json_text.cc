#include "engine/twin/json_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "base/text.h"

namespace selvedge::engine::twin {
namespace {

using base::Code;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3F));
    put(0x80 | (c >> 6 & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

}  // namespace

char JsonText::peek() {
  while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  return at_ < end_ ? *at_ : '\0';
}

bool JsonText::take(char c) {
  if (peek() != c || at_ == end_) return false;
  ++at_;
  return true;
}

std::string JsonText::where() const { return "not JSON at byte " + std::to_string(offset()); }

bool JsonText::literal(std::string& out, std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::string_view(at_, word.size()) != word)
    return false;
  at_ += word.size();
  out += word;
  return true;
}

bool JsonText::number(std::string& out) {
  const char* const start = at_;
  const auto digits = [&] {
    const char* const first = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return at_ > first;
  };
  if (at_ < end_ && *at_ == '-') ++at_;
  const char* const whole = at_;
  if (!digits() || (*whole == '0' && at_ - whole > 1)) return false;
  if (at_ < end_ && *at_ == '.') {
    ++at_;
    if (!digits()) return false;
  }
  if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) {
    ++at_;
    if (at_ < end_ && (*at_ == '+' || *at_ == '-')) ++at_;
    if (!digits()) return false;
  }
  out.append(start, at_);
  return true;
}

bool JsonText::escape(std::string& out) {
  if (at_ == end_) return false;
  const auto unit = [&](std::uint32_t& c) {
    if (end_ - at_ < 4) return false;
    c = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = hex(*at_++);
      if (digit < 0) return false;
      c = c << 4 | static_cast<std::uint32_t>(digit);
    }
    return true;
  };
  switch (*at_++) {
    case '"': out += '"'; return true;
    case '\\': out += '\\'; return true;
    case '/': out += '/'; return true;
    case 'b': out += '\b'; return true;
    case 'f': out += '\f'; return true;
    case 'n': out += '\n'; return true;
    case 'r': out += '\r'; return true;
    case 't': out += '\t'; return true;
    case 'u': break;
    default: return false;
  }
  std::uint32_t c = 0, low = 0;
  if (!unit(c)) return false;
  if (c >= 0xD800 && c < 0xE000) {
    if (c >= 0xDC00 || end_ - at_ < 6 || at_[0] != '\\' || at_[1] != 'u') return false;
    at_ += 2;
    if (!unit(low) || low < 0xDC00 || low > 0xDFFF) return false;
    c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(out, c);
  return true;
}

bool JsonText::string(std::string& out) {
  if (!take('"')) return false;
  unsigned high = 0;
  const std::size_t begun = out.size();
  for (;;) {
    const char* const run = at_;
    while (at_ < end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20)
      high |= static_cast<unsigned char>(*at_++);
    out.append(run, at_);
    if (at_ == end_ || static_cast<unsigned char>(*at_) < 0x20) return false;
    if (*at_++ == '"') break;
    if (!escape(out)) return false;
  }
  return high < 0x80 || base::is_utf8(std::string_view(out).substr(begun));
}

bool JsonText::object(std::string& out, int depth) {
  ++at_;
  out += '{';
  if (take('}')) {
    out += '}';
    return true;
  }
  for (;;) {
    if (peek() != '"' || !value(out, depth + 1) || !take(':')) return false;
    out += ':';
    if (!value(out, depth + 1)) return false;
    if (take('}')) break;
    if (!take(',')) return false;
    out += ',';
  }
  out += '}';
  return true;
}

bool JsonText::array(std::string& out, int depth) {
  ++at_;
  out += '[';
  if (take(']')) {
    out += ']';
    return true;
  }
  for (;;) {
    if (!value(out, depth + 1)) return false;
    if (take(']')) break;
    if (!take(',')) return false;
    out += ',';
  }
  out += ']';
  return true;
}

bool JsonText::value(std::string& out, int depth) {
  if (depth > max_depth) return false;
  switch (peek()) {
    case '"': {
      // Without escapes it is canonical as it stands.
      const char* const start = at_++;
      unsigned high = 0;
      while (at_ < end_ && *at_ != '"' && *at_ != '\\' && static_cast<unsigned char>(*at_) >= 0x20)
        high |= static_cast<unsigned char>(*at_++);
      if (at_ < end_ && *at_ == '"') {
        ++at_;
        out.append(start, at_);
        return high < 0x80 || base::is_utf8(std::string_view(start, static_cast<std::size_t>(at_ - start)));
      }
      at_ = start;
      std::string says;
      if (!string(says)) return false;
      append_json_string(out, says);
      return true;
    }
    case '{': return object(out, depth);
    case '[': return array(out, depth);
    case 't': return literal(out, "true");
    case 'f': return literal(out, "false");
    case 'n': return literal(out, "null");
    default: return number(out);
  }
}

bool JsonText::raw(std::string_view& text) {
  peek();
  const char* const start = at_;
  std::string ignored;
  if (!value(ignored)) return false;
  text = {start, static_cast<std::size_t>(at_ - start)};
  return true;
}

base::Result<std::string> canonical_json(std::string_view text) {
  JsonText json(text);
  std::string out;
  if (!json.value(out) || !json.at_end()) return base::fail(Code::invalid_input, json.where());
  return out;
}

bool is_canonical_json(std::string_view text) {
  JsonText json(text);
  std::string out;
  return json.value(out) && json.at_end() && out == text;
}

void append_json_string(std::string& out, std::string_view says) {
  static constexpr char digits[] = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < says.size();) {
    const std::size_t run = i;
    while (i < says.size() && says[i] != '"' && says[i] != '\\' &&
           static_cast<unsigned char>(says[i]) >= 0x20)
      ++i;
    out.append(says, run, i - run);
    if (i == says.size()) break;
    const char c = says[i++];
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out += digits[c >> 4 & 15];
        out += digits[c & 15];
    }
  }
  out += '"';
}

std::string_view json_string(std::string_view value, std::string& scratch) {
  if (value.size() < 2 || value[0] != '"') return {};
  const std::string_view within = value.substr(1, value.size() - 2);
  if (within.find('\\') == std::string_view::npos) return within;
  scratch.clear();
  JsonText(value).string(scratch);
  return scratch;
}

namespace {

// The elements of a canonical array, or the names and values of a canonical object in turn.
std::vector<std::string_view> parts(std::string_view text) {
  std::vector<std::string_view> found;
  int depth = 0;
  bool quoted = false;
  std::size_t start = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      else if (c == '"') quoted = false;
      continue;
    }
    if (c == '"') quoted = true;
    const bool closes = c == ']' || c == '}';
    if (depth == 1 && (closes || c == ',' || c == ':')) {
      if (i > start) found.push_back(text.substr(start, i - start));
      start = i + 1;
    }
    if (c == '[' || c == '{') ++depth;
    if (closes) --depth;
  }
  return found;
}

// Of members with the same name the last counts.
std::vector<std::pair<std::string_view, std::string_view>> members(std::string_view object) {
  const auto all = parts(object);
  std::vector<std::pair<std::string_view, std::string_view>> found;
  for (std::size_t i = 0; i + 1 < all.size(); i += 2) found.emplace_back(all[i], all[i + 1]);
  std::stable_sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (i + 1 == found.size() || found[i + 1].first != found[i].first) found[kept++] = found[i];
  found.resize(kept);
  return found;
}

}  // namespace

bool same_json(std::string_view a, std::string_view b) {
  if (a == b) return true;
  if (a.empty() || b.empty()) return false;
  if (is_json_number(a) && is_json_number(b)) {
    const auto x = base::parse_double(a), y = base::parse_double(b);
    // Whole numbers beyond 2^53 differ although their nearest doubles do not.
    const auto whole = [](std::string_view v) { return v.find_first_of(".eE") == std::string_view::npos; };
    return x && y && *x == *y && !(whole(a) && whole(b) && *x != 0);
  }
  if (a[0] == '[' && b[0] == '[') {
    const auto x = parts(a), y = parts(b);
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), same_json);
  }
  if (a[0] == '{' && b[0] == '{') {
    const auto x = members(a), y = members(b);
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](auto& m, auto& n) {
      return m.first == n.first && same_json(m.second, n.second);
    });
  }
  return false;
}

}  // namespace selvedge::engine::twin
