// Splitter: the JPEG pictures in a stream of them, as network cameras send it: multipart/x-mixed-replace
// over HTTP, or one picture after the other with nothing between.
//
// It is fed bytes as they arrive and hands out whole pictures. A picture's own markers say where it ends,
// so that what cameras get wrong around it can be put up with: delimiters with more or fewer dashes than
// announced, parts without Content-Length or with a wrong one, no line end before a delimiter, lines
// ended by LF alone, parts that are no picture. Content-Length counts only for a picture without an end
// marker. One that is cut off or larger than the limit is dropped and counted, and the next is looked
// for (one cut off within its head, the first kilobyte, may take the next with it); there is no error that
// ends a stream. Memory: one picture within the limit. No clock, no I/O; one
// thread at a time.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/mjpeg/frame_scanner.h"

namespace selvedge::codec::mjpeg {

// The boundary in "multipart/x-mixed-replace; boundary=x"; empty where none is given, which is taken as
// "find out". Code::invalid_input for another content type.
base::Result<std::string> boundary_of(std::string_view content_type);

class Splitter {
 public:
  // `boundary` as boundary_of() gave it.
  static Splitter multipart(std::string_view boundary, std::size_t most_bytes = std::size_t{8} << 20);
  // Pictures by their own start and end, anything between them skipped.
  static Splitter raw(std::size_t most_bytes = std::size_t{8} << 20);

  // Takes bytes from the front of `in` until there is a picture; nothing once `in` is used up. The
  // picture stays until the next call.
  std::optional<base::BytesView> next(base::BytesView& in);

  std::uint64_t dropped() const { return dropped_; }
  // A picture has begun and is not whole: one that is cut off, if no more bytes come.
  bool within_picture() const { return state_ == State::picture; }
  bool ended() const { return ended_; }            // the closing delimiter came; bytes after it are skipped

 private:
  enum class State : std::uint8_t { between, headers, start, picture };
  Splitter(bool by_parts, std::string_view boundary, std::size_t most_bytes);
  bool take_line(base::BytesView& in);
  void end_line_between();
  void end_line_of_headers();
  void find_start(base::BytesView& in);
  bool take_picture(base::BytesView& in);
  void look_for_next();
  void drop();

  bool by_parts_;
  std::string boundary_;                           // without its leading dashes
  bool known_;
  std::size_t most_bytes_;
  State state_;
  bool ended_ = false, done_ = false;              // done_: frame_ was handed out
  std::string line_;
  std::size_t header_bytes_ = 0;
  std::optional<std::size_t> length_;              // of this part
  base::Bytes frame_;
  FrameScanner scanner_;
  std::uint64_t dropped_ = 0;
};

}  // namespace selvedge::codec::mjpeg
