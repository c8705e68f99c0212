// The journal's records: messages of readings, the keys of recent messages, and what a JournalFollower
// needs to come back.
//
//   message (kind 1): u8 flags (bit 0: a key follows, bit 1: a moment follows, bit 2: the readings are the
//     follower's own), u64 key, svarint moment in ns, then readings to the end:
//     varint  zigzag(series - series before) * 4 + kind; with a moment
//             (zigzag(series - series before) * 4 + kind) * 4 + 2 if it goes no further than the journal
//             + 1 if the follower was told of it
//     svarint time - time before, in ns (the first from 0)
//     value   float64: 8 bytes; int64: svarint; boolean: u8; text: varint length, bytes
//   keys (kind 2), first in each segment: u64 each, oldest first
//   state (kind 3), behind the keys, and where the follower's rules change: a part of its state
//   time (kind 4): svarint, the moment up to which time had passed for the follower

#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "model/reading.h"
#include "store/journal_follower.h"

namespace selvedge::store {

inline constexpr std::uint8_t journal_message = 1, journal_keys = 2, journal_state = 3, journal_time = 4;

// One reading on its way into the journal and a column. `bits` is the value: a double's bits, an
// integer, 0 or 1; for text its length.
struct Staged {
  std::uint32_t series = 0;
  model::Kind kind = model::Kind::float64;
  std::uint32_t text_at = 0;   // of text: where it begins in the message's text
  std::int64_t time = 0;
  std::uint64_t bits = 0;
  bool journal_only = false;   // it enters no column
  bool followed = false;       // the follower is told
};

void put_message(base::Bytes& out, std::uint64_t key, const MessageNote& note,
                 const std::vector<Staged>& readings, std::string_view text);

// The value of a reading; a view of `text`.
model::ValueView view_of(const Staged& reading, std::string_view text);

// Calls `reading` for each; Code::corrupt if the record makes no sense.
base::Result<void> take_message(
    base::BytesView payload, std::uint64_t& key, MessageNote& note,
    const std::function<void(const Staged&, std::string_view text)>& reading);

}  // namespace selvedge::store
