#include "codec/package/tar.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"

namespace selvedge::codec {

using base::Bytes;
using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t block = 512;

struct Field {
  std::size_t at, size;
};
constexpr Field name_field{0, 100}, mode_field{100, 8}, user_field{108, 8}, group_field{116, 8}, size_field{124, 12},
    time_field{136, 12}, sum_field{148, 8}, type_field{156, 1}, magic_field{257, 6}, version_field{263, 2},
    prefix_field{345, 155};

std::string_view text_of(BytesView header, Field field) {
  const std::string_view all = base::as_text(header.subspan(field.at, field.size));
  return all.substr(0, all.find('\0'));
}

// Octal digits, then a space or zero.
std::optional<std::uint64_t> octal(BytesView header, Field field) {
  std::uint64_t value = 0;
  bool any = false;
  for (std::size_t i = 0; i < field.size; ++i) {
    const std::uint8_t c = header[field.at + i];
    if (c == ' ' && !any) continue;
    if (c < '0' || c > '7') return any && (c == 0 || c == ' ') ? std::optional(value) : std::nullopt;
    value = value * 8 + (c - std::uint8_t{'0'});
    any = true;
  }
  return any ? std::optional(value) : std::nullopt;
}

// Of the header, its own field counted as spaces.
std::uint64_t sum_of(BytesView header) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block; ++i)
    sum += i >= sum_field.at && i < sum_field.at + sum_field.size ? std::uint64_t{' '} : header[i];
  return sum;
}

bool all_zero(BytesView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

Result<std::string> clean(std::string_view name) {
  const std::string shown = "member '" + base::printable(name) + "'";
  while (name.starts_with("./")) name.remove_prefix(2);
  if (name.empty()) return fail(Code::invalid_input, shown + " has no name");
  if (name.size() > name_field.size)
    return fail(Code::invalid_input, shown + " has a name longer than " + std::to_string(name_field.size));
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t slash = std::min(name.find('/', at), name.size());
    const std::string_view part = name.substr(at, slash - at);
    if (part.empty() || part == "." || part == "..")
      return fail(Code::invalid_input, shown + " has a name that is no clean relative path");
    at = slash + 1;
  }
  if (std::ranges::any_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7f; }))
    return fail(Code::invalid_input, shown + " has a control character or backslash in its name");
  return std::string(name);
}

std::string kind_of(char type) {
  switch (type) {
    case '1': return "a hard link";
    case '2': return "a symbolic link";
    case '3': case '4': return "a device";
    case '6': return "a pipe";
    case 'x': case 'g': return "an extended header; pack with --format=ustar";
    case 'L': case 'K': return "a long name; names have up to 100 bytes";
    default: return "of unknown kind";
  }
}

void put(Bytes& header, Field field, std::string_view text) {
  std::ranges::copy(text, header.begin() + std::ptrdiff_t(field.at));
}

void put_octal(Bytes& header, Field field, std::uint64_t value) {
  for (std::size_t i = field.size - 1; i-- > 0; value /= 8)
    header[field.at + i] = static_cast<std::uint8_t>('0' + value % 8);
}

}  // namespace

Result<std::vector<ArchiveMember>> read_tar(BytesView bytes, std::size_t most_members) {
  std::vector<ArchiveMember> members;
  std::set<std::string, std::less<>> seen;
  std::size_t headers = 0;
  for (;;) {
    if (bytes.size() < block) return fail(Code::corrupt, "the archive ends before its end mark");
    const BytesView header = bytes.first(block);
    // Two blocks of zeros end it by the standard; one is enough for us, and what follows must be zeros.
    if (all_zero(header)) {
      if (!all_zero(bytes)) return fail(Code::corrupt, "the archive has bytes after its end mark");
      return members;
    }
    // Folders count too, or a file of nothing else would keep us busy.
    if (++headers > most_members)
      return fail(Code::exhausted, "the archive has more than " + std::to_string(most_members) + " members");
    const auto sum = octal(header, sum_field);
    if (!sum || *sum != sum_of(header)) return fail(Code::corrupt, "a header of the archive has a wrong sum");
    if (text_of(header, {magic_field.at, 5}) != "ustar")
      return fail(Code::invalid_input, "the archive is not in ustar form");
    std::string name(text_of(header, name_field));
    const char type = static_cast<char>(header[type_field.at]);
    // GNU tar says "ustar " and keeps other things where the prefix is.
    if (header[magic_field.at + 5] == 0 && !text_of(header, prefix_field).empty())
      name = std::string(text_of(header, prefix_field)) + "/" + name;
    const auto size = octal(header, size_field);
    if (!size) return fail(Code::corrupt, "member '" + base::printable(name) + "' has no readable size");
    bytes = bytes.subspan(block);
    if (type == '5') {
      if (*size != 0) return fail(Code::corrupt, "folder '" + base::printable(name) + "' has content");
      continue;
    }
    if (type != '0' && type != '\0')
      return fail(Code::invalid_input, "member '" + base::printable(name) + "' is " + kind_of(type));
    name = TRY(clean(name));
    if (*size > bytes.size())
      return fail(Code::corrupt, "member '" + name + "' says " + std::to_string(*size) + " bytes, and " +
                                     std::to_string(bytes.size()) + " are left");
    if (!seen.insert(name).second) return fail(Code::invalid_input, "member '" + name + "' is there twice");
    const auto length = static_cast<std::size_t>(*size);
    members.push_back({std::move(name), Bytes(bytes.begin(), bytes.begin() + std::ptrdiff_t(length))});
    const std::size_t padded = (length + block - 1) / block * block;
    if (padded > bytes.size()) return fail(Code::corrupt, "the archive ends before its end mark");
    bytes = bytes.subspan(padded);
  }
}

Result<Bytes> write_tar(const std::vector<ArchiveMember>& members) {
  Bytes out;
  std::set<std::string_view> seen;
  for (const ArchiveMember& member : members) {
    if (TRY(clean(member.name)) != member.name)
      return fail(Code::invalid_input, "member '" + base::printable(member.name) + "' has no clean name");
    if (!seen.insert(member.name).second)
      return fail(Code::invalid_input, "member '" + member.name + "' is there twice");
    if (member.data.size() >= std::size_t{1} << 33)
      return fail(Code::invalid_input, "member '" + member.name + "' is larger than 8 GiB");
    Bytes header(block);
    put(header, name_field, member.name);
    put_octal(header, mode_field, 0644);
    put_octal(header, user_field, 0);
    put_octal(header, group_field, 0);
    put_octal(header, size_field, member.data.size());
    put_octal(header, time_field, 0);
    put(header, type_field, "0");
    put(header, magic_field, "ustar");
    put(header, version_field, "00");
    // Six digits, a zero, a space: so every tar writes it.
    put_octal(header, {sum_field.at, sum_field.size - 1}, sum_of(header));
    header[sum_field.at + 7] = ' ';
    base::append(out, header);
    base::append(out, member.data);
    out.resize((out.size() + block - 1) / block * block);
  }
  out.resize(out.size() + 2 * block);
  return out;
}

}  // namespace selvedge::codec
