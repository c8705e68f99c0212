// WebSocket frames: bytes to events and back.
//
// A Decoder is fed bytes as they arrive. The payload of a data message is handed over in pieces as
// it comes, so that a large message needs no memory here; control frames come whole, since they are
// at most 125 bytes. Everything RFC 6455 forbids is an error, and close_code() says with which code
// to close. Text is not checked for UTF-8, because pieces cut characters: whoever takes text must.
// Extensions are not negotiated, so reserved bits are an error too. No clock, no I/O.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec::websocket {

enum class Opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10,
};

enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  none_given = 1005,  // never on the wire
  invalid_payload = 1007,
  policy = 1008,
  too_big = 1009,
  internal = 1011,
};

// Which end we are: a server takes only masked frames, a client only unmasked ones.
enum class Role : std::uint8_t { server, client };

struct Event {
  Opcode kind = Opcode::binary;  // never `continuation`: its pieces carry the message's kind
  base::BytesView payload;  // valid until the next call of next(), and no longer than its input
  bool last = true;         // text and binary: the message ends with this piece
  CloseCode code = CloseCode::none_given;  // close only; `payload` is then the reason, in UTF-8
};

class Decoder {
 public:
  explicit Decoder(Role role, std::uint64_t message_bytes = base::operator""_MiB(16))
      : role_(role), message_bytes_(message_bytes) {}

  // Takes bytes from the front of `in` until there is an event; nothing once `in` is used up. After
  // an error or a close frame every byte is dropped.
  base::Result<std::optional<Event>> next(base::BytesView& in);

  // The code to close with after an error of next().
  CloseCode close_code() const { return close_code_; }

 private:
  base::Result<void> read_header();
  std::optional<Event> read_data(base::BytesView& in);
  base::Result<std::optional<Event>> read_control(base::BytesView& in);
  base::Result<Event> close_event() const;
  base::BytesView unmask(base::BytesView bytes, std::uint8_t* into);
  std::unexpected<base::Error> refuse(CloseCode code, std::string_view why);

  Role role_;
  std::uint64_t message_bytes_;
  std::array<std::uint8_t, 14> header_{};  // the longest a header can be
  std::size_t header_size_ = 0;            // of it, received so far
  bool in_payload_ = false;
  Opcode opcode_ = Opcode::continuation;  // of the frame being read
  bool final_ = false;
  std::uint64_t left_ = 0;  // payload bytes of the frame still to come
  std::array<std::uint8_t, 4> mask_{};
  std::size_t mask_at_ = 0;
  std::optional<Opcode> message_;  // kind of the message that is not finished
  std::uint64_t message_size_ = 0;
  std::array<std::uint8_t, 125> control_{};
  std::size_t control_size_ = 0;
  base::Bytes piece_;  // unmasked copy of the piece last handed over
  bool ended_ = false;
  CloseCode close_code_ = CloseCode::normal;
};

enum class Fin : std::uint8_t { more, last };
using Mask = std::array<std::uint8_t, 4>;

// Appends one frame. A client must give a fresh random mask for each, a server none.
void append_frame(base::Bytes& out, Opcode opcode, Fin fin, base::BytesView payload,
                  std::optional<Mask> mask = std::nullopt);
// Appends a close frame; `reason` is cut to the 123 bytes that fit.
void append_close(base::Bytes& out, CloseCode code, std::string_view reason,
                  std::optional<Mask> mask = std::nullopt);

}  // namespace selvedge::codec::websocket
