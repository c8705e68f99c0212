// CRC-32C (Castagnoli, RFC 3720 appendix B.4): guards every record and block at rest.

#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace selvedge::base {

// The checksum of `bytes`; pass the checksum of what came before to continue it.
std::uint32_t crc32c(BytesView bytes, std::uint32_t before = 0);

}  // namespace selvedge::base
