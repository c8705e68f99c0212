// Reasons: which ones a packet may carry (2.4), and the return codes of 3.1.1. Private.

#pragma once

#include <cstdint>
#include <optional>

#include "codec/mqtt/packet.h"

namespace selvedge::codec::mqtt {

enum class ReasonIn : std::uint8_t {
  connack, puback_or_pubrec, pubrel_or_pubcomp, suback, unsuback, disconnect, auth
};
bool may_carry(ReasonIn packet, std::uint8_t reason);
// The reason, or the nearest that the packet may carry.
Reason fit(ReasonIn packet, Reason reason);

std::uint8_t return_code_311(Reason reason);     // of CONNACK, 3.2.2.3 in 3.1.1
std::optional<Reason> from_return_code_311(std::uint8_t code);

}  // namespace selvedge::codec::mqtt
