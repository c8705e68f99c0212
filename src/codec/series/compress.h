// Section: a run of bytes inside a frame, kept as it is or compressed with zstd, whichever is
// shorter.
//
//   varint  size * 2 + (1 if compressed)    size: bytes of the section when unpacked
//   if compressed: varint length, then that many bytes: a zstd frame without its 4-byte magic number
//   else: the bytes
//
// The zstd contexts belong to the thread and are used again, so that packing a small section costs
// no allocation. Their tables are bounded (hash and chain 2^14 entries, window 128 KiB).

#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/wire.h"

namespace selvedge::codec {

void put_section(base::Writer& out, base::BytesView bytes);

// Unpacks a section into `into` (replaced). False if it is damaged or unpacks to more than
// `limit` bytes; nothing is allocated before that is known.
bool take_section(base::Reader& in, std::size_t limit, base::Bytes& into);

}  // namespace selvedge::codec
