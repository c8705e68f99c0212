// Gorilla, for values and for times.

#pragma once

#include "codec/codec.h"

namespace bench {

void gorilla_encode(const std::uint8_t* in, std::size_t count, Kind kind, Bytes& out);
void gorilla_decode(std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count, Kind kind);

}  // namespace bench
