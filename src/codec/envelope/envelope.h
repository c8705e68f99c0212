// Envelope: how every message between node and cloud begins: two letters, version, kind, and the
// CRC-32C of everything else. Pure; any thread.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec {

inline constexpr std::size_t envelope_bytes = 8;

struct Envelope {
  std::array<std::uint8_t, 2> letters{};
  std::uint8_t version = 1;
  std::size_t most_bytes = 0;            // of a whole message
  std::string_view name;                 // "twin message", for errors

  struct Opened {
    std::uint8_t kind = 0;
    base::BytesView body;
  };

  // Appends an envelope without checksum; returns where it begins.
  std::size_t begin(std::uint8_t kind, base::Bytes& out) const;
  // Fills in the checksum of the message that begins at `start` and ends where `out` ends.
  static void end(std::size_t start, base::Bytes& out);
  // Code::corrupt if it is no such message or damaged, invalid_input if too large or of another version.
  base::Result<Opened> open(base::BytesView message) const;
};

}  // namespace selvedge::codec
