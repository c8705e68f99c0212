#include "codec/mjpeg/frame_scanner.h"

#include <algorithm>
#include <cstring>

namespace selvedge::codec::mjpeg {
namespace {

constexpr std::uint8_t start_of_image = 0xD8, end_of_image = 0xD9, start_of_scan = 0xDA;

bool stands_alone(std::uint8_t code) { return (code >= 0xD0 && code <= 0xD7) || code == 0x01; }

}  // namespace

FrameScanner::Step FrameScanner::step(base::BytesView bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (state_ == State::segment) {
      const std::size_t skipped = std::min(left_, bytes.size() - at);
      at += skipped;
      left_ -= skipped;
      if (left_ == 0) state_ = scan_follows_ ? State::scan : State::marker;
      continue;
    }
    if (state_ == State::scan) {                   // nearly all bytes: look for FF only
      const void* found = std::memchr(bytes.data() + at, 0xFF, bytes.size() - at);
      if (found == nullptr) return {bytes.size(), Verdict::more};
      at = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - bytes.data()) + 1;
      state_ = State::scan_marker;
      continue;
    }
    const Verdict verdict = take(bytes[at++]);
    if (verdict == Verdict::more) continue;
    restart();
    return {at, verdict};
  }
  return {at, Verdict::more};
}

FrameScanner::Verdict FrameScanner::take(std::uint8_t byte) {
  switch (state_) {
    case State::start:
      state_ = State::start_second;
      return byte == 0xFF ? Verdict::more : Verdict::broken;
    case State::start_second:
      state_ = State::marker;
      return byte == start_of_image ? Verdict::more : Verdict::broken;
    case State::marker:
      if (byte == 0xFF) state_ = State::marker_code;
      return Verdict::more;
    case State::marker_code:
      return code(byte);
    case State::scan_marker:
      if (byte == 0xFF) return Verdict::more;      // filler
      if (byte == 0x00 || stands_alone(byte)) {    // an FF among the data, or a restart
        state_ = State::scan;
        return Verdict::more;
      }
      return code(byte);
    case State::length_high:
      left_ = std::size_t{byte} << 8;
      state_ = State::length_low;
      return Verdict::more;
    case State::length_low:
      left_ |= byte;
      if (left_ < 2) return Verdict::broken;
      left_ -= 2;
      state_ = left_ > 0 ? State::segment : scan_follows_ ? State::scan : State::marker;
      return Verdict::more;
    case State::segment:
    case State::scan:
      break;                                       // step() does these
  }
  return Verdict::broken;
}

FrameScanner::Verdict FrameScanner::code(std::uint8_t byte) {
  if (byte == end_of_image) return Verdict::whole;
  if (byte == start_of_image) return Verdict::broken;   // another picture begins: this one was cut off
  if (byte == 0xFF) return Verdict::more;
  if (byte == 0x00) {                              // no marker
    state_ = State::marker;
    return Verdict::more;
  }
  scan_follows_ = byte == start_of_scan;
  state_ = stands_alone(byte) ? State::marker : State::length_high;
  return Verdict::more;
}

}  // namespace selvedge::codec::mjpeg
