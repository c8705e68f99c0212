#include <algorithm>

#include "codec/websocket/frame.h"

namespace selvedge::codec::websocket {

void append_frame(base::Bytes& out, Opcode opcode, Fin fin, base::BytesView payload,
                  std::optional<Mask> mask) {
  out.push_back(
      static_cast<std::uint8_t>(static_cast<unsigned>(opcode) | (fin == Fin::last ? 0x80U : 0U)));
  const unsigned mask_bit = mask ? 0x80U : 0U;
  const std::uint64_t size = payload.size();
  const auto put = [&](std::size_t count) {
    for (std::size_t i = count; i-- > 0;) out.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
  };
  if (size < 126) {
    out.push_back(static_cast<std::uint8_t>(mask_bit | size));
  } else if (size < 65536) {
    out.push_back(static_cast<std::uint8_t>(mask_bit | 126));
    put(2);
  } else {
    out.push_back(static_cast<std::uint8_t>(mask_bit | 127));
    put(8);
  }
  if (!mask) {
    base::append(out, payload);
    return;
  }
  base::append(out, *mask);
  const std::size_t at = out.size();
  base::append(out, payload);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out[at + i] = static_cast<std::uint8_t>(out[at + i] ^ (*mask)[i & 3]);
  }
}

void append_close(base::Bytes& out, CloseCode code, std::string_view reason,
                  std::optional<Mask> mask) {
  base::Bytes payload;
  if (code != CloseCode::none_given) {
    payload.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(code) >> 8));
    payload.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(code)));
    // Cut between characters, not inside one: the reason has to stay UTF-8.
    std::size_t size = std::min<std::size_t>(reason.size(), 123);
    while (size > 0 && size < reason.size() && (reason[size] & 0xC0) == 0x80) --size;
    base::append(payload, base::as_bytes(reason.substr(0, size)));
  }
  append_frame(out, Opcode::close, Fin::last, payload, mask);
}

}  // namespace selvedge::codec::websocket
