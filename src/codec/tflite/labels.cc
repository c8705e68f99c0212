// Source of the archive format: PKWARE APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.

#include "codec/tflite/labels.h"

#include <zlib.h>

#include <optional>

namespace selvedge::codec::tflite {

using base::Bytes;
using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t end_size = 22, directory_entry_size = 46, local_header_size = 30;
constexpr std::size_t longest_comment = 65'535, most_members = 1'000, most_labels = 200'000;

std::uint16_t u16(BytesView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] | bytes[at + 1] << 8);
}

std::uint32_t u32(BytesView bytes, std::size_t at) {
  return std::uint32_t{u16(bytes, at)} | std::uint32_t{u16(bytes, at + 2)} << 16;
}

std::unexpected<base::Error> damaged() { return fail(Code::corrupt, "the ZIP archive behind the model is damaged"); }

struct Member {
  std::uint16_t method = 0;
  std::uint32_t checksum = 0;
  std::size_t packed = 0, size = 0, header = 0;
};

// Where the end record is; the archive's comment may follow it.
std::optional<std::size_t> find_end(BytesView file) {
  if (file.size() < end_size) return std::nullopt;
  const std::size_t last = file.size() - end_size;
  const std::size_t first = last > longest_comment ? last - longest_comment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (u32(file, at) == 0x06054B50 && u16(file, at + 20) == file.size() - at - end_size) return at;
  }
  return std::nullopt;
}

bool is_text(std::string_view name) { return name.ends_with(".txt"); }

// Offsets in an archive count from its first byte, or from the file's if the tool that appended it knew.
Result<std::optional<Member>> find_member(BytesView file, std::size_t end, std::size_t& base) {
  const std::size_t size = u32(file, end + 12), offset = u32(file, end + 16), count = u16(file, end + 10);
  if (size > end || offset > end - size || count > most_members) return damaged();
  base = end - size - offset;
  std::optional<Member> found;
  for (std::size_t at = end - size, i = 0; i < count; ++i) {
    if (end - at < directory_entry_size || u32(file, at) != 0x02014B50) return damaged();
    const std::size_t name_size = u16(file, at + 28);
    const std::size_t whole = directory_entry_size + name_size + u16(file, at + 30) + u16(file, at + 32);
    if (end - at < whole) return damaged();
    const std::string_view name = base::as_text(file.subspan(at + directory_entry_size, name_size));
    const bool better = is_text(name) && (!found || name.find("label") != name.npos);
    if (better) {
      found = Member{u16(file, at + 10), u32(file, at + 16), u32(file, at + 20), u32(file, at + 24), u32(file, at + 42)};
      if (name.find("label") != name.npos) return found;
    }
    at += whole;
  }
  return found;
}

Result<Bytes> inflated(BytesView packed, std::size_t size) {
  Bytes text(size);
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return fail(Code::internal, "zlib does not start");
  stream.next_in = const_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = text.data();
  stream.avail_out = static_cast<uInt>(text.size());
  const int status = inflate(&stream, Z_FINISH);
  const std::size_t made = stream.total_out;
  inflateEnd(&stream);
  if (status != Z_STREAM_END || made != size) return damaged();
  return text;
}

Result<Bytes> unpack(BytesView file, const Member& member, std::size_t base) {
  const std::size_t at = base + member.header;
  if (at > file.size() || file.size() - at < local_header_size || u32(file, at) != 0x04034B50) return damaged();
  const std::size_t start = at + local_header_size + u16(file, at + 26) + u16(file, at + 28);
  if (start > file.size() || file.size() - start < member.packed) return damaged();
  const BytesView packed = file.subspan(start, member.packed);
  Bytes text;
  if (member.method == 0 && member.packed == member.size) text.assign(packed.begin(), packed.end());
  else if (member.method == Z_DEFLATED) text = TRY(inflated(packed, member.size));
  else return damaged();
  if (crc32(0, text.data(), static_cast<uInt>(text.size())) != member.checksum) return damaged();
  return text;
}

}  // namespace

Result<std::vector<std::string>> read_labels(BytesView file, std::size_t most) {
  std::vector<std::string> labels;
  const std::optional<std::size_t> end = find_end(file);
  if (!end) return labels;
  std::size_t base = 0;
  const std::optional<Member> member = TRY(find_member(file, *end, base));
  if (!member) return labels;
  if (member->size > most) return fail(Code::exhausted, "the labels are larger than " + std::to_string(most) + " bytes");
  const Bytes text = TRY(unpack(file, *member, base));
  std::string_view rest = base::as_text(text);
  while (!rest.empty()) {
    if (labels.size() == most_labels) return fail(Code::exhausted, "there are too many labels");
    const std::size_t line = std::min(rest.find('\n'), rest.size());
    std::string_view label = rest.substr(0, line);
    if (label.ends_with('\r')) label.remove_suffix(1);
    labels.emplace_back(label);
    rest.remove_prefix(std::min(line + 1, rest.size()));
  }
  return labels;
}

}  // namespace selvedge::codec::tflite
