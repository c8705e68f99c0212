#include <algorithm>
#include <string>

#include "base/text.h"
#include "codec/websocket/frame.h"

namespace selvedge::codec::websocket {

namespace {

// A piece handed over at once; bounds the copy that unmasking needs.
constexpr std::size_t largest_piece = 16 << 10;

bool is_control(Opcode opcode) {
  return static_cast<std::uint8_t>(opcode) >= 8;
}

bool is_known(std::uint8_t opcode) {
  return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

// Which codes may stand in a close frame (RFC 6455, 7.4, and the registry it opens).
bool may_be_sent(std::uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

std::uint64_t big_endian(const std::uint8_t* at, std::size_t count) {
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < count; ++i) v = v << 8 | at[i];
  return v;
}

// How long the header is, known once its second byte is there.
std::size_t header_length(std::uint8_t second) {
  const std::uint8_t length = second & 0x7F;
  return 2U + (length == 126 ? 2U : length == 127 ? 8U : 0U) + (second & 0x80 ? 4U : 0U);
}

}  // namespace

std::unexpected<base::Error> Decoder::refuse(CloseCode code, std::string_view why) {
  ended_ = true;
  close_code_ = code;
  return base::fail(code == CloseCode::too_big ? base::Code::exhausted : base::Code::corrupt,
                    "read WebSocket frame: " + std::string(why));
}

base::Result<void> Decoder::read_header() {
  const std::uint8_t first = header_[0], second = header_[1];
  if (first & 0x70) return refuse(CloseCode::protocol_error, "reserved bits are set");
  if (!is_known(first & 0x0F)) return refuse(CloseCode::protocol_error, "unknown opcode");
  opcode_ = static_cast<Opcode>(first & 0x0F);
  final_ = first & 0x80;
  const bool masked = second & 0x80;
  if (masked != (role_ == Role::server)) {
    return refuse(CloseCode::protocol_error,
                  masked ? "a server must not mask" : "a client must mask");
  }

  std::uint64_t length = second & 0x7F;
  if (length == 126) {
    length = big_endian(&header_[2], 2);
    if (length < 126) return refuse(CloseCode::protocol_error, "length is not in its short form");
  } else if (length == 127) {
    length = big_endian(&header_[2], 8);
    if (length >> 63) return refuse(CloseCode::protocol_error, "length has its top bit set");
    if (length < 65536) return refuse(CloseCode::protocol_error, "length is not in its short form");
  }
  if (masked) std::copy_n(&header_[header_size_ - 4], 4, mask_.begin());
  mask_at_ = 0;
  left_ = length;

  if (is_control(opcode_)) {
    if (!final_) return refuse(CloseCode::protocol_error, "a control frame must be whole");
    if (length > control_.size()) {
      return refuse(CloseCode::protocol_error, "a control frame is too long");
    }
    control_size_ = 0;
    return {};
  }
  if (opcode_ == Opcode::continuation) {
    if (!message_) return refuse(CloseCode::protocol_error, "a continuation of nothing");
  } else {
    if (message_) return refuse(CloseCode::protocol_error, "a message inside another");
    message_ = opcode_;
    message_size_ = 0;
  }
  if (length > message_bytes_ - message_size_) {
    return refuse(CloseCode::too_big,
                  "the message is larger than " + base::size_text(message_bytes_));
  }
  message_size_ += length;
  return {};
}

base::BytesView Decoder::unmask(base::BytesView bytes, std::uint8_t* into) {
  if (role_ == Role::client) {
    std::copy(bytes.begin(), bytes.end(), into);
    return {into, bytes.size()};
  }
  // The mask turned so that it begins where this piece does, in a form that vectorizes.
  std::array<std::uint8_t, 4> mask{};
  for (std::size_t i = 0; i < 4; ++i) mask[i] = mask_[(mask_at_ + i) & 3];
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    into[i] = static_cast<std::uint8_t>(bytes[i] ^ mask[i & 3]);
  }
  mask_at_ = (mask_at_ + bytes.size()) & 3;
  return {into, bytes.size()};
}

std::optional<Event> Decoder::read_data(base::BytesView& in) {
  const auto count =
      static_cast<std::size_t>(std::min<std::uint64_t>({left_, in.size(), largest_piece}));
  if (count == 0 && left_ > 0) return std::nullopt;
  Event event;
  event.kind = *message_;
  if (role_ == Role::client) {
    event.payload = in.first(count);
  } else {
    if (piece_.size() < count) piece_.resize(count);
    event.payload = unmask(in.first(count), piece_.data());
  }
  in = in.subspan(count);
  left_ -= count;
  event.last = final_ && left_ == 0;
  if (left_ == 0) in_payload_ = false;
  if (event.last) message_.reset();
  return event;
}

base::Result<Event> Decoder::close_event() const {
  Event event;
  event.kind = Opcode::close;
  if (control_size_ == 0) return event;
  const auto code = static_cast<std::uint16_t>(big_endian(control_.data(), 2));
  if (control_size_ == 1 || !may_be_sent(code)) {
    return base::fail(base::Code::corrupt, "the close frame carries no valid code");
  }
  event.code = static_cast<CloseCode>(code);
  event.payload = {control_.data() + 2, control_size_ - 2};
  return event;
}

base::Result<std::optional<Event>> Decoder::read_control(base::BytesView& in) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size()));
  unmask(in.first(count), control_.data() + control_size_);
  in = in.subspan(count);
  control_size_ += count;
  left_ -= count;
  if (left_ > 0) return std::nullopt;
  in_payload_ = false;
  if (opcode_ != Opcode::close) {
    return Event{opcode_, {control_.data(), control_size_}, true, CloseCode::none_given};
  }
  const base::Result<Event> event = close_event();
  if (!event) return refuse(CloseCode::protocol_error, event.error().message);
  if (!base::is_utf8(base::as_text(event->payload))) {
    return refuse(CloseCode::invalid_payload, "the reason for closing is not UTF-8");
  }
  ended_ = true;
  return *event;
}

base::Result<std::optional<Event>> Decoder::next(base::BytesView& in) {
  while (!ended_) {
    if (!in_payload_) {
      while (header_size_ < 2 || header_size_ < header_length(header_[1])) {
        if (in.empty()) return std::nullopt;
        header_[header_size_++] = in.front();
        in = in.subspan(1);
      }
      TRY(read_header());
      header_size_ = 0;
      in_payload_ = true;
    }
    if (is_control(opcode_)) {
      std::optional<Event> event = TRY(read_control(in));
      if (event || left_ > 0) return event;
      continue;
    }
    const std::optional<Event> event = read_data(in);
    if (!event) return std::nullopt;
    if (!event->payload.empty() || event->last) return event;
  }
  in = {};
  return std::nullopt;
}

}  // namespace selvedge::codec::websocket
