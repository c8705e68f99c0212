#include "codec/package/tar_stream.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace selvedge::codec {

using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

struct Field {
  std::size_t at, size;
};
constexpr Field name_field{0, 100}, mode_field{100, 8}, size_field{124, 12}, sum_field{148, 8}, type_field{156, 1}, link_field{157, 100},
    magic_field{257, 5}, prefix_field{345, 155};
constexpr std::uint64_t most_size = std::uint64_t{1} << 40;

std::string_view text_of(BytesView header, Field field) {
  const std::string_view all = base::as_text(header.subspan(field.at, field.size));
  return all.substr(0, all.find('\0'));
}

// Octal digits, or, beyond what they hold, a number with the first bit set.
std::optional<std::uint64_t> number(BytesView header, Field field) {
  std::uint64_t value = 0;
  const BytesView bytes = header.subspan(field.at, field.size);
  if ((bytes[0] & 0x80) != 0) {
    for (std::size_t i = 1; i < bytes.size(); ++i) {
      if (value >> 40 != 0) return std::nullopt;
      value = value << 8 | bytes[i];
    }
    return value;
  }
  bool any = false;
  for (const std::uint8_t c : bytes) {
    if (c == ' ' && !any) continue;
    if (c < '0' || c > '7') break;
    value = value * 8 + (c - std::uint8_t{'0'});
    any = true;
  }
  return any ? std::optional(value) : std::nullopt;
}

std::uint64_t sum_of(BytesView header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < header.size(); ++i)
    sum += i >= sum_field.at && i < sum_field.at + sum_field.size ? std::uint64_t{' '} : header[i];
  return sum;
}

bool all_zero(BytesView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

std::string_view name_of(TarEntry::Kind kind) {
  switch (kind) {
    case TarEntry::Kind::file: return "a file";
    case TarEntry::Kind::folder: return "a folder";
    case TarEntry::Kind::symbolic_link: return "a symbolic link";
    case TarEntry::Kind::hard_link: return "a hard link";
    case TarEntry::Kind::device: return "a device";
    case TarEntry::Kind::pipe: return "a pipe";
  }
  return "";
}

Result<void> TarStream::feed(BytesView bytes) {
  while (!bytes.empty()) {
    if (expects_ == Expects::nothing) {
      if (!all_zero(bytes)) return fail(Code::corrupt, "the archive has bytes after its end mark");
      return {};
    }
    if (left_ > 0) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      if (expects_ == Expects::content) TRY(sink_.content(bytes.first(count)));
      else base::append(part_, bytes.first(count));
      left_ -= count;
      bytes = bytes.subspan(count);
      if (left_ == 0) TRY(end_content());
      continue;
    }
    if (padding_ > 0) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(padding_, bytes.size()));
      padding_ -= count;
      bytes = bytes.subspan(count);
      continue;
    }
    const std::size_t count = std::min(block - part_.size(), bytes.size());
    base::append(part_, bytes.first(count));
    bytes = bytes.subspan(count);
    if (part_.size() < block) return {};
    const base::Bytes header = std::exchange(part_, {});
    TRY(take_header(header));
  }
  return {};
}

Result<std::uint64_t> TarStream::skip() {
  if (left_ == 0 || expects_ != Expects::content) return 0;
  const std::uint64_t over = left_ + padding_;
  left_ = padding_ = 0;
  TRY(end_content());
  return over;
}

Result<void> TarStream::end() const {
  if (expects_ == Expects::nothing) return {};
  return fail(Code::corrupt, "the archive ends before its end mark");
}

Result<void> TarStream::take_header(BytesView header) {
  expects_ = Expects::header;
  if (all_zero(header)) {                          // two of them by the standard; one is enough for us
    expects_ = Expects::nothing;
    return {};
  }
  const auto sum = number(header, sum_field);
  if (!sum || *sum != sum_of(header)) return fail(Code::corrupt, "a header of the archive has a wrong sum");
  if (++entries_ > limits_.entries)
    return fail(Code::exhausted, "the archive has more than " + std::to_string(limits_.entries) + " members");
  const auto size = number(header, size_field);
  const char type = static_cast<char>(header[type_field.at]);
  TarEntry entry;
  entry.name = text_of(header, name_field);
  const bool posix = text_of(header, {magic_field.at, 6}) == "ustar";
  // GNU tar says "ustar " and keeps other things where the prefix is.
  if (posix && !text_of(header, prefix_field).empty()) entry.name = std::string(text_of(header, prefix_field)) + "/" + entry.name;
  entry.target = text_of(header, link_field);
  entry.mode = static_cast<std::uint32_t>(number(header, mode_field).value_or(0) & 07777);
  const std::string shown = "member '" + base::printable(entry.name, 200) + "'";
  if (!size || *size > most_size) return fail(Code::corrupt, shown + " has no readable size");
  entry.size = *size;
  using Kind = TarEntry::Kind;
  switch (type) {
    case '0': case '\0': case '7': entry.kind = Kind::file; break;
    case '1': entry.kind = Kind::hard_link; break;
    case '2': entry.kind = Kind::symbolic_link; break;
    case '3': case '4': entry.kind = Kind::device; break;
    case '5': entry.kind = Kind::folder; break;
    case '6': entry.kind = Kind::pipe; break;
    case 'x': case 'g': case 'L': case 'K':
      if (entry.size > most_header || (type != 'g' && type != 'x' && entry.size > most_name))
        return fail(Code::exhausted, shown + " has a header of " + std::to_string(entry.size) + " bytes");
      expects_ = Expects::long_header;
      long_type_ = type;
      left_ = entry.size;
      padding_ = (block - entry.size % block) % block;
      return left_ == 0 ? end_content() : Result<void>();
    default: return fail(Code::invalid_input, shown + " is of unknown kind");
  }
  return begin_entry(std::move(entry));
}

Result<void> TarStream::begin_entry(TarEntry entry) {
  if (!path_.empty()) entry.name = std::exchange(path_, {});
  if (!target_.empty()) entry.target = std::exchange(target_, {});
  if (size_) entry.size = *std::exchange(size_, std::nullopt);
  path_.clear();
  target_.clear();
  // What is no file has no content, whatever its size says.
  if (entry.kind != TarEntry::Kind::file) entry.size = 0;
  if (entry.kind != TarEntry::Kind::symbolic_link && entry.kind != TarEntry::Kind::hard_link) entry.target.clear();
  TRY(sink_.entry(entry));
  expects_ = Expects::content;
  left_ = entry.size;
  padding_ = (block - entry.size % block) % block;
  return left_ == 0 ? end_content() : Result<void>();
}

Result<void> TarStream::end_content() {
  if (std::exchange(expects_, Expects::header) == Expects::content) return sink_.end_entry();
  if (long_type_ == 'x') return take_pax();
  const base::Bytes body = std::exchange(part_, {});
  std::string_view text = base::as_text(body);
  text = text.substr(0, text.find('\0'));
  if (long_type_ == 'L') path_ = text;
  if (long_type_ == 'K') target_ = text;
  return {};
}

// "<length> <key>=<value>\n", the length with all of it.
Result<void> TarStream::take_pax() {
  const base::Bytes body = std::exchange(part_, {});
  for (std::string_view rest = base::as_text(body); !rest.empty();) {
    const std::size_t space = rest.find(' ');
    const auto length = space == rest.npos ? std::nullopt : base::parse_int(rest.substr(0, space));
    if (!length || *length <= static_cast<std::int64_t>(space) + 1 || static_cast<std::uint64_t>(*length) > rest.size())
      return fail(Code::corrupt, "an extended header of the archive cannot be read");
    std::string_view record = rest.substr(space + 1, static_cast<std::size_t>(*length) - space - 1);
    rest.remove_prefix(static_cast<std::size_t>(*length));
    if (record.ends_with('\n')) record.remove_suffix(1);
    const std::size_t equals = std::min(record.find('='), record.size());
    const std::string_view key = record.substr(0, equals), value = record.substr(std::min(equals + 1, record.size()));
    if (value.size() > most_name && (key == "path" || key == "linkpath")) return fail(Code::exhausted, "a name in the archive is too long");
    if (key == "path") path_ = value;
    else if (key == "linkpath") target_ = value;
    else if (key == "size") {
      const auto size = base::parse_int(value);
      if (!size || *size < 0 || static_cast<std::uint64_t>(*size) > most_size) return fail(Code::corrupt, "a size in the archive cannot be read");
      size_ = static_cast<std::uint64_t>(*size);
    }
  }
  return {};
}

}  // namespace selvedge::codec
