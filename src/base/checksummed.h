// Checksummed: bytes that stand by themselves, in a small file or a message: u32 magic, which names the format and
// its version, contents, u32 CRC-32C of all before.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/wire.h"

namespace selvedge::base {

// Ends what stands in `out` from `begin` on, magic first.
void append_checksum(Bytes& out, std::size_t begin = 0);

// Reads the contents: behind the magic and without the checksum. Code::corrupt, beginning with `what`.
Result<Reader> read_checksummed(BytesView bytes, std::uint32_t magic, std::string_view what);

}  // namespace selvedge::base
