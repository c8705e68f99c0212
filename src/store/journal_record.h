// The journal's records: messages of readings, and the keys of recent messages.
//
//   message (kind 1): u8 flags (bit 0: a key follows), u64 key, then readings to the end:
//     varint  zigzag(series - series before) * 4 + kind
//     svarint time - time before, in ns (the first from 0)
//     value   float64: 8 bytes; int64: svarint; boolean: u8; text: varint length, bytes
//   keys (kind 2), first in each segment: u64 each, oldest first

#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/reading.h"

namespace selvedge::store {

inline constexpr std::uint8_t journal_message = 1, journal_keys = 2;

// One reading on its way into the journal and a column. `bits` is the value: a double's bits, an
// integer, 0 or 1; for text its length.
struct Staged {
  std::uint32_t series = 0;
  model::Kind kind = model::Kind::float64;
  std::uint32_t text_at = 0;   // of text: where it begins in the message's text
  std::int64_t time = 0;
  std::uint64_t bits = 0;
};

void put_message(base::Bytes& out, std::uint64_t key, const std::vector<Staged>& readings,
                 std::string_view text);

// Calls `reading` for each; Code::corrupt if the record makes no sense.
base::Result<void> take_message(
    base::BytesView payload, std::uint64_t& key,
    const std::function<void(const Staged&, std::string_view text)>& reading);

}  // namespace selvedge::store
