// Reader: bounded reading of one packet's body, big-endian. Private.
//
// The first failure is kept and ends the input, so that a whole body can be read and asked about
// once.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "codec/mqtt/packet.h"
#include "codec/mqtt/text.h"

namespace selvedge::codec::mqtt {

class Reader {
 public:
  explicit Reader(base::BytesView in) : at_(in.data()), end_(in.data() + in.size()) {}

  std::uint8_t u8() {
    if (!need(1)) return 0;
    return *at_++;
  }
  std::uint16_t u16() {
    if (!need(2)) return 0;
    const auto value = static_cast<std::uint16_t>(at_[0] << 8 | at_[1]);
    at_ += 2;
    return value;
  }
  std::uint32_t u32() {
    const std::uint32_t high = u16();
    return high << 16 | u16();
  }
  // 1.5.5: at most four bytes, as few as will do.
  std::uint32_t varint() {
    std::uint32_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      if (!need(1)) return 0;
      const std::uint8_t byte = *at_++;
      value |= static_cast<std::uint32_t>(byte & 0x7F) << shift;
      if (byte & 0x80) continue;
      if (byte == 0 && shift > 0) fail(Reason::malformed_packet, "length is padded");
      return ok() ? value : 0;
    }
    fail(Reason::malformed_packet, "length of more than four bytes");
    return 0;
  }
  base::BytesView raw(std::size_t count) {
    if (!need(count)) return {};
    const base::BytesView view(at_, count);
    at_ += count;
    return view;
  }
  base::BytesView binary() { return raw(u16()); }
  std::string_view unchecked_text() { return base::as_text(binary()); }
  std::string_view text() {
    const std::string_view view = unchecked_text();
    if (!is_text(view)) fail(Reason::malformed_packet, "text that is not valid UTF-8");
    return view;
  }
  base::BytesView rest() { return raw(static_cast<std::size_t>(end_ - at_)); }

  void fail(Reason reason, std::string_view what) {
    if (ok()) error_ = {.reason = reason, .what = what};
    at_ = end_;
  }
  void fail(const DecodeError& error) { fail(error.reason, error.what); }
  bool ok() const { return error_.what.empty(); }
  const DecodeError& error() const { return error_; }
  bool at_end() const { return at_ == end_; }

 private:
  bool need(std::size_t count) {
    if (count <= static_cast<std::size_t>(end_ - at_)) [[likely]] return true;
    fail(Reason::malformed_packet, "packet ends in the middle of a field");
    return false;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  DecodeError error_;                            // `what` is empty while all is well
};

}  // namespace selvedge::codec::mqtt
