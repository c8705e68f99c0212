// FrameScanner: where a JPEG ends, by its markers (ITU-T T.81, annex B), fed in pieces.
//
// The end marker alone does not tell: a thumbnail in the EXIF part has one of its own, so segments are
// stepped over by their length. Bytes that stand where a marker should are let pass, as decoders do.

#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace selvedge::codec::mjpeg {

class FrameScanner {
 public:
  enum class Verdict : std::uint8_t { more, whole, broken };
  struct Step {
    std::size_t taken = 0;                         // bytes from the front that belong to the picture
    Verdict verdict = Verdict::more;
  };

  // After `whole` or `broken` it begins anew with the next bytes. The first two must be FF D8.
  Step step(base::BytesView bytes);
  void restart() { *this = {}; }

 private:
  enum class State : std::uint8_t { start, start_second, marker, marker_code, length_high, length_low, segment, scan, scan_marker };
  Verdict take(std::uint8_t byte);
  Verdict code(std::uint8_t byte);

  State state_ = State::start;
  bool scan_follows_ = false;
  std::size_t left_ = 0;                           // of the segment
};

}  // namespace selvedge::codec::mjpeg
