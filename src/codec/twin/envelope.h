// Envelope: what every twin message starts with: "ST", version, kind, CRC-32C of the rest.
// Private to codec/twin/.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec::twin {

enum class Kind : std::uint8_t { hello = 1, changes = 2, seen = 3, command = 4, answer = 5 };

inline constexpr std::uint8_t version = 1;

struct Opened {
  Kind kind{};
  base::BytesView body;
};

std::size_t begin_message(Kind kind, base::Bytes& out);   // returns where it begins
void end_message(std::size_t start, base::Bytes& out);
base::Result<Opened> open_message(base::BytesView payload);

// "read twin message: <why>".
std::unexpected<base::Error> refuse(base::Code code, std::string_view why);

}  // namespace selvedge::codec::twin
