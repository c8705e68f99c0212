// Bytes through zstd as a general user would: what our columns are measured against. Pure functions,
// any thread.

#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace selvedge::codec {

// Level 1 to 19. Replaces `out`.
void plain_zstd(base::BytesView bytes, int level, base::Bytes& out);
// True if just `out` was filled.
bool plain_unzstd(base::BytesView bytes, std::span<std::uint8_t> out);

}  // namespace selvedge::codec
