// Envelope: what every uplink message starts with: "SU", version, kind, CRC-32C of the rest.
// Private to codec/uplink/.

#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec::uplink {

enum class MessageKind : std::uint8_t { batch = 1, ack = 2, raw_request = 3, raw_answer = 4 };

inline constexpr std::uint8_t version = 1;

// Appends an envelope without checksum; returns where it begins.
std::size_t begin_message(MessageKind kind, base::Bytes& out);
// Fills in the checksum of the message that begins at `start` and ends where `out` ends.
void end_message(std::size_t start, base::Bytes& out);

// The body of a message of this kind, once version and checksum are right.
base::Result<base::BytesView> open_message(MessageKind kind, base::BytesView payload);

// "read batch: <why>", for each kind.
std::unexpected<base::Error> refuse(MessageKind kind, base::Code code, std::string_view why);

}  // namespace selvedge::codec::uplink
