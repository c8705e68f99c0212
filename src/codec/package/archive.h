// Archive: named files in one: a tar (POSIX ustar) packed with zstd, as `tar --zstd` makes and opens.
//
// read_archive() takes bytes from anyone. How much may be unpacked, how many members, and how much
// memory a small file may claim are bounded before anything is allocated. Members are plain files with
// clean relative names, each once; a name is given back as text and never used as a path here. Links,
// devices and extended headers are refused. write_archive() gives the same bytes for the same members
// on any day and machine. Pure; any thread.

#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec {

struct ArchiveMember {
  std::string name;                                // "golden/pets.jpg"
  base::Bytes data;

  friend bool operator==(const ArchiveMember&, const ArchiveMember&) = default;
};

struct ArchiveLimits {
  std::size_t unpacked = std::size_t{512} << 20;
  std::size_t members = 1'000;
};

// Whether the first bytes are those of a zstd frame.
bool looks_packed(base::BytesView file);

// Code::corrupt: damaged. Code::invalid_input: whole, but not what we take. Code::exhausted: too large.
base::Result<std::vector<ArchiveMember>> read_archive(base::BytesView file, const ArchiveLimits& limits = {});

// 20 MB of float weights take 0.6 s quick and become 10.5 MB; smallest they take 26 s and become 10.0.
// 5 MB of 8-bit weights take 0.1 s and become 4.06 MB; smallest 1.3 s and 4.04.
enum class Packing : std::uint8_t { quick, smallest };

// In the order given.
base::Result<base::Bytes> write_archive(const std::vector<ArchiveMember>& members, Packing packing = Packing::quick);

}  // namespace selvedge::codec
