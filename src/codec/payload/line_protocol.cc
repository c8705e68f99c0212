// One cursor moves over the message once. Lines that follow each other mostly begin with the same
// measurement and tags, so the name made of them is kept and compared with one memcmp.

#include "codec/payload/line_protocol.h"

#include <algorithm>
#include <array>
#include <forward_list>
#include <vector>

#include "base/text.h"
#include "codec/payload/moment.h"
#include "codec/payload/plain.h"

namespace selvedge::codec::payload {
namespace {

using base::Code;
using base::fail;
using base::Result;
using model::ValueView;

constexpr std::size_t most_tags = 64;

// What ends a piece of a line unless a backslash stands before it.
enum Stop : std::uint8_t { at_space = 1, at_comma = 2, at_equals = 4, at_break = 8, escape = 16 };

constexpr std::array<std::uint8_t, 256> stops = [] {
  std::array<std::uint8_t, 256> table{};
  table[' '] = at_space;
  table[','] = at_comma;
  table['='] = at_equals;
  table['\n'] = table['\r'] = at_break;
  table['\\'] = escape;
  return table;
}();

std::uint8_t stop_of(char c) { return stops[static_cast<unsigned char>(c)]; }

// Puts the characters that a backslash protects back; other backslashes stand for themselves.
void append_unescaped(std::string& to, std::string_view raw, std::string_view protectable) {
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\\' && i + 1 < raw.size() && protectable.find(raw[i + 1]) != protectable.npos) ++i;
    to += raw[i];
  }
}

struct Piece {
  std::string_view raw;
  bool escaped = false;

  void append_to(std::string& to) const {
    if (escaped) append_unescaped(to, raw, " ,=");
    else to += raw;
  }
};

struct Tag {
  Piece key, value;
};

class LineReader {
 public:
  LineReader(std::string_view text, const Options& options, Output& out)
      : p_(text.data()), end_(text.data() + text.size()), options_(options), out_(out) {}

  Result<void> read() {
    while (p_ < end_) {
      Result<void> result = line();
      if (!result)
        return std::unexpected(
            std::move(result).error().while_doing("line " + std::to_string(line_number_)));
      ++line_number_;
    }
    return {};
  }

 private:
  struct Field {
    std::size_t name_size = 0;
    ValueView value;
  };

  Result<void> line() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\t')) ++p_;
    if (p_ < end_ && *p_ == '#') p_ = std::find(p_, end_, '\n');
    if (at_line_end()) return end_line();
    TRY(head());
    fields_.clear();
    strings_.clear();
    field_names_.clear();
    TRY(fields());
    const std::optional<base::Time> when = TRY(timestamp());
    TRY(put_fields(when));
    return end_line();
  }

  // Measurement and tags.
  Result<void> head() {
    if (!known_head_.empty() && static_cast<std::size_t>(end_ - p_) > known_head_.size() &&
        std::memcmp(p_, known_head_.data(), known_head_.size()) == 0) {
      p_ += known_head_.size();
      return {};
    }
    const char* const begin = p_;
    Piece measurement;
    take_piece(at_space | at_comma | at_break, measurement);
    if (measurement.raw.empty()) return fail(Code::invalid_input, "no measurement before the tags");
    tags_.clear();
    while (p_ < end_ && *p_ == ',') {
      ++p_;
      TRY(tag());
    }
    if (p_ == end_ || *p_ != ' ') return fail(Code::invalid_input, "no fields after the measurement");
    while (p_ < end_ && *p_ == ' ') ++p_;
    known_head_ = {begin, static_cast<std::size_t>(p_ - begin)};
    return make_prefix(measurement);
  }

  Result<void> tag() {
    if (tags_.size() >= most_tags)
      return fail(Code::invalid_input, "more than " + std::to_string(most_tags) + " tags");
    Tag& tag = tags_.emplace_back();
    take_piece(at_equals | at_comma | at_space | at_break, tag.key);
    if (tag.key.raw.empty() || p_ == end_ || *p_ != '=')
      return fail(Code::invalid_input, "tag " + quote(tag.key.raw) + ": expected key=value");
    ++p_;
    take_piece(at_equals | at_comma | at_space | at_break, tag.value);
    if (tag.value.raw.empty())
      return fail(Code::invalid_input, "tag " + quote(tag.key.raw) + ": has no value");
    return {};
  }

  Result<void> make_prefix(const Piece& measurement) {
    const auto before = [](const Tag& a, const Tag& b) { return a.key.raw < b.key.raw; };
    if (!std::is_sorted(tags_.begin(), tags_.end(), before))
      std::sort(tags_.begin(), tags_.end(), before);
    const auto same = [](const Tag& a, const Tag& b) { return a.key.raw == b.key.raw; };
    const auto twice = std::adjacent_find(tags_.begin(), tags_.end(), same);
    if (twice != tags_.end())
      return fail(Code::invalid_input, "tag " + quote(twice->key.raw) + ": stands there twice");
    prefix_.clear();
    measurement.append_to(prefix_);
    for (const Tag& tag : tags_) {
      prefix_ += ',';
      tag.key.append_to(prefix_);
      prefix_ += '=';
      tag.value.append_to(prefix_);
    }
    prefix_ += '/';
    if (prefix_.size() > options_.bounds.name_bytes)
      return fail(Code::invalid_input, "measurement and tags: longer than " +
                                           std::to_string(options_.bounds.name_bytes) + " bytes");
    return {};
  }

  Result<void> fields() {
    for (;;) {
      Piece key;
      take_piece(at_equals | at_comma | at_space | at_break, key);
      if (key.raw.empty() || p_ == end_ || *p_ != '=')
        return fail(Code::invalid_input, "field " + quote(key.raw) + ": expected key=value");
      ++p_;
      Field& field = fields_.emplace_back();
      Result<void> result = field_value(field.value);
      if (!result)
        return std::unexpected(std::move(result).error().while_doing("field " + quote(key.raw)));
      const std::size_t before = field_names_.size();
      key.append_to(field_names_);
      field.name_size = field_names_.size() - before;
      if (p_ == end_ || *p_ != ',') return {};
      ++p_;
    }
  }

  Result<void> field_value(ValueView& value) {
    if (p_ < end_ && *p_ == '"') return quoted_text(value);
    // Nothing is escaped in a bare value.
    const char* const begin = p_;
    while (p_ < end_ && (stop_of(*p_) & (at_space | at_comma | at_break)) == 0) ++p_;
    const std::string_view raw(begin, static_cast<std::size_t>(p_ - begin));
    Decimal number;
    const char* const stop = scan(begin, p_, Grammar::lenient, number);
    if (stop == p_ && !raw.empty()) {
      if (const auto rounded = to_double(number)) return set(value, ValueView::of(*rounded));
      return fail(Code::invalid_input, "value " + quote(raw) + ": too large a number");
    }
    if (stop != nullptr && stop + 1 == p_ && (*stop == 'i' || *stop == 'u')) {
      const auto whole = to_int64(number);
      if (whole && (*stop == 'i' || !number.negative)) return set(value, ValueView::of(*whole));
      return fail(Code::invalid_input, "value " + quote(raw) + ": not a 64-bit integer");
    }
    if (raw == "t" || raw == "T") return set(value, ValueView::of(true));
    if (raw == "f" || raw == "F") return set(value, ValueView::of(false));
    const auto truth = parse_plain(raw);
    if (truth && truth->kind == model::Kind::boolean) return set(value, *truth);
    return fail(Code::invalid_input, "value " + quote(raw) + ": not a number");
  }

  // A quoted string; only quote and backslash are escaped in it, and it may hold line breaks.
  Result<void> quoted_text(ValueView& value) {
    const char* const begin = ++p_;
    bool escaped = false;
    for (; p_ < end_ && *p_ != '"'; ++p_) {
      if (*p_ == '\n') ++line_number_;
      if (*p_ != '\\' || p_ + 1 == end_ || (p_[1] != '"' && p_[1] != '\\')) continue;
      escaped = true;
      ++p_;
    }
    if (p_ == end_) return fail(Code::invalid_input, "a quoted string does not end");
    std::string_view text(begin, static_cast<std::size_t>(p_ - begin));
    ++p_;
    if (p_ < end_ && (stop_of(*p_) & (at_space | at_comma | at_break)) == 0)
      return fail(Code::invalid_input, "something follows the closing quote");
    if (escaped && options_.text_values) {
      std::string& kept = strings_.emplace_front();
      append_unescaped(kept, text, "\"\\");
      text = kept;
    }
    return set(value, ValueView::of(text));
  }

  Result<std::optional<base::Time>> timestamp() {
    while (p_ < end_ && *p_ == ' ') ++p_;
    if (at_line_end()) return std::optional<base::Time>{};
    const char* const begin = p_;
    while (p_ < end_ && (stop_of(*p_) & (at_space | at_break)) == 0) ++p_;
    const std::string_view raw(begin, static_cast<std::size_t>(p_ - begin));
    while (p_ < end_ && *p_ == ' ') ++p_;
    if (!at_line_end()) return fail(Code::invalid_input, "something follows the time " + quote(raw));
    const auto number = parse_decimal(raw, Grammar::lenient);
    if (!number || !number->integer)
      return fail(Code::invalid_input, "time " + quote(raw) + ": not an integer");
    const auto when = to_time(*number, options_.time_unit);
    if (!when) return fail(Code::invalid_input, "time " + quote(raw) + ": not a time we can hold");
    return when;
  }

  Result<void> put_fields(const std::optional<base::Time>& when) {
    const std::size_t prefix_size = prefix_.size();
    std::string_view names = field_names_;
    for (const Field& field : fields_) {
      prefix_.resize(prefix_size);
      prefix_ += names.substr(0, field.name_size);
      names.remove_prefix(field.name_size);
      TRY(out_.put(prefix_, when, field.value));
    }
    prefix_.resize(prefix_size);
    return {};
  }

  // Up to an unescaped character of `until`, or the end.
  void take_piece(unsigned until, Piece& piece) {
    const char* const begin = p_;
    bool escaped = false;
    for (; p_ < end_; ++p_) {
      const unsigned stop = stop_of(*p_);
      if ((stop & (until | escape)) == 0) continue;
      if (stop != escape) break;
      if (p_ + 1 < end_ && (stop_of(p_[1]) & (at_space | at_comma | at_equals)) != 0) {
        escaped = true;
        ++p_;
      }
    }
    piece.raw = {begin, static_cast<std::size_t>(p_ - begin)};
    piece.escaped = escaped;
  }

  static Result<void> set(ValueView& to, const ValueView& value) {
    copy_parts(to, value);
    return {};
  }

  bool at_line_end() const { return p_ == end_ || *p_ == '\n' || *p_ == '\r'; }

  Result<void> end_line() {
    if (p_ < end_ && *p_ == '\r') ++p_;
    if (p_ == end_) return {};
    if (*p_ != '\n') return fail(Code::invalid_input, "a carriage return inside the line");
    ++p_;
    return {};
  }

  const char* p_;
  const char* end_;
  const Options& options_;
  Output& out_;
  std::size_t line_number_ = 1;
  std::string_view known_head_;  // as written, with the space behind it; `prefix_` is its name
  std::string prefix_;
  std::vector<Tag> tags_;
  std::vector<Field> fields_;
  std::string field_names_;
  std::forward_list<std::string> strings_;  // unescaped; a list, as they are viewed where they are
};

}  // namespace

base::Result<void> decode_line_protocol(std::string_view text, const Options& options, Output& out) {
  if (!is_ascii(text) && !base::is_utf8(text)) return fail(Code::invalid_input, "not UTF-8");
  return LineReader(text, options, out).read();
}

bool looks_like_line_protocol(std::string_view text) {
  text = trim(text);
  if (text.starts_with('#')) return true;
  const std::string_view line = text.substr(0, text.find('\n'));
  const std::size_t space = line.find(' ');
  return space != line.npos && space > 0 && line.find('=', space) != line.npos;
}

}  // namespace selvedge::codec::payload
