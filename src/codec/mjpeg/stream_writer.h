// The other way: a stream of pictures for browsers and players, as multipart/x-mixed-replace. The head of
// each part says its length; a picture goes between head and tail as it is.

#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace selvedge::codec::mjpeg {

// It may occur in a picture: whoever reads goes by Content-Length.
inline constexpr std::string_view stream_boundary = "selvedge-picture";
inline constexpr std::string_view stream_content_type = "multipart/x-mixed-replace; boundary=selvedge-picture";

inline std::string part_head(std::size_t bytes, std::string_view content_type = "image/jpeg") {
  return "--" + std::string(stream_boundary) + "\r\nContent-Type: " + std::string(content_type) +
         "\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n";
}
inline constexpr std::string_view part_tail = "\r\n";
inline std::string stream_end() { return "--" + std::string(stream_boundary) + "--\r\n"; }

// A whole part.
inline void append_part(base::Bytes& to, base::BytesView picture) {
  base::append(to, base::as_bytes(part_head(picture.size())));
  base::append(to, picture);
  base::append(to, base::as_bytes(part_tail));
}

}  // namespace selvedge::codec::mjpeg
