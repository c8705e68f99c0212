// Text columns: as they are, or as a dictionary when words come back.
//
//   plain:      section: lengths as varints; section: the bytes
//   dictionary: varint entries; section: their lengths as varints; section: their bytes;
//               dense integers: the entry of each value (once: integers.h)

#include <unordered_map>

#include "codec/numbers/dense.h"
#include "codec/series/compress.h"
#include "codec/series/integers.h"
#include "codec/series/value_columns.h"

namespace selvedge::codec {
namespace {

constexpr std::size_t dictionary_entries = 4096;

std::string_view text_at(const Columns& c, std::size_t i) {
  const std::uint32_t from = i == 0 ? 0 : c.text_ends[i - 1];
  return std::string_view(c.text_bytes).substr(from, c.text_ends[i] - from);
}

// Reads `count` lengths and checks each; `total` is their sum. False if damaged or too large.
bool take_lengths(base::Reader& in, std::size_t count, std::vector<std::uint32_t>& lengths,
                  std::size_t& total) {
  base::Bytes bytes;
  if (!take_section(in, count * 10, bytes) || bytes.size() < count) return false;
  base::Reader reader(bytes);
  lengths.resize(count);
  total = 0;
  for (std::uint32_t& length : lengths) {
    const std::uint64_t v = reader.varint();
    if (v > max_text_bytes) return false;
    length = static_cast<std::uint32_t>(v);
    total += length;
    if (total > max_frame_bytes) return false;
  }
  return reader.ok() && reader.at_end();
}

}  // namespace

ValueCodec put_texts(base::Writer& out, const Columns& columns) {
  const std::size_t n = columns.text_ends.size();
  std::unordered_map<std::string_view, std::int64_t> known;
  std::vector<std::string_view> entries;
  std::vector<std::int64_t> indices(n);
  const std::size_t most = std::min(dictionary_entries, n / 2);
  for (std::size_t i = 0; i < n && entries.size() <= most; ++i) {
    const std::string_view text = text_at(columns, i);
    const auto [at, added] = known.emplace(text, static_cast<std::int64_t>(entries.size()));
    if (added) entries.push_back(text);
    indices[i] = at->second;
  }
  base::Bytes lengths;
  base::Writer length(lengths);
  if (entries.size() > most) {
    for (std::size_t i = 0; i < n; ++i) length.varint(text_at(columns, i).size());
    put_section(out, lengths);
    put_section(out, base::as_bytes(columns.text_bytes));
    return ValueCodec::text_plain;
  }
  base::Bytes bytes;
  for (const std::string_view entry : entries) {
    length.varint(entry.size());
    base::append(bytes, base::as_bytes(entry));
  }
  out.varint(entries.size());
  put_section(out, lengths);
  put_section(out, bytes);
  put_dense(out, indices);
  return ValueCodec::text_dense_dictionary;
}

bool take_plain_texts(base::Reader& in, std::size_t count, Columns& columns) {
  std::size_t total = 0;
  if (!take_lengths(in, count, columns.text_ends, total)) return false;
  base::Bytes bytes;
  if (!take_section(in, total, bytes) || bytes.size() != total) return false;
  std::uint32_t end = 0;
  for (std::uint32_t& length : columns.text_ends) length = end += length;
  columns.text_bytes.assign(base::as_text(bytes));
  return true;
}

bool take_dictionary_texts(base::Reader& in, std::size_t count, bool dense, Columns& columns) {
  const std::uint64_t entry_count = in.varint();
  if (!in.ok() || entry_count == 0 || entry_count > count) return false;
  std::vector<std::uint32_t> ends;
  std::size_t total = 0;
  if (!take_lengths(in, static_cast<std::size_t>(entry_count), ends, total)) return false;
  base::Bytes bytes;
  if (!take_section(in, total, bytes) || bytes.size() != total) return false;
  std::uint32_t end = 0;
  for (std::uint32_t& length : ends) length = end += length;

  std::vector<std::int64_t> indices(count);
  if (!(dense ? take_dense(in, indices) : take_integers(in, count, indices))) return false;
  const auto entry = [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    const std::uint32_t from = index == 0 ? 0 : ends[index - 1];
    return base::as_text(bytes).substr(from, ends[index] - from);
  };
  std::size_t size = 0;
  for (const std::int64_t i : indices) {
    if (i < 0 || static_cast<std::uint64_t>(i) >= entry_count) return false;
    size += entry(i).size();
    if (size > max_frame_bytes) return false;
  }
  columns.text_bytes.clear();
  columns.text_bytes.reserve(size);
  columns.text_ends.clear();
  columns.text_ends.reserve(count);
  for (const std::int64_t i : indices) {
    columns.text_bytes.append(entry(i));
    columns.text_ends.push_back(static_cast<std::uint32_t>(columns.text_bytes.size()));
  }
  return true;
}

}  // namespace selvedge::codec
