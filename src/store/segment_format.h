// The bytes of a segment log: file names, file headers, records. Layout: docs/spec/segment_log.md.
//
// A segment is one file, or several where a write had failed: each file is named by the position
// of its first record, and what a file holds at or beyond the start of the next is void.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "store/segment_log.h"

namespace selvedge::store::format {

inline constexpr std::size_t file_header_bytes = 24;
inline constexpr std::size_t record_header_bytes = 9;

inline Position position(std::uint32_t segment, std::uint64_t offset) {
  return {std::uint64_t{segment} << 32 | offset};
}

std::string file_name(Position start);
std::optional<Position> parse_file_name(std::string_view name);

void put_file_header(std::uint8_t* into, Position start);
bool is_file_header(base::BytesView bytes, Position start);

void put_record(base::Bytes& out, std::uint8_t kind, base::BytesView head, base::BytesView tail);

struct Parsed {
  enum class What : std::uint8_t { record, incomplete, damaged } what = What::damaged;
  std::uint8_t kind = 0;
  base::BytesView payload;
  std::size_t size = 0;  // of the record; if incomplete, the bytes needed to go on
};

// Looks at the record that starts at the beginning of `bytes`.
Parsed parse_record(base::BytesView bytes, std::uint64_t record_bytes);

}  // namespace selvedge::store::format
