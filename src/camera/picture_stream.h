// PictureStream: the pictures of a camera for one client, as a body that does not end: multipart/x-mixed-replace, as
// browsers show it in place of a picture.
//
// The last picture goes at once, each later one when it was looked at, and the last again every Camera::alive, so
// that a client that is gone is noticed and one that watches knows it is not forgotten. One picture at most is
// unsent: a client that is slow skips those that come meanwhile. Ends when the camera goes. Belongs to the loop
// thread; keeps itself alive as long as client and camera are there.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "camera/camera_routes.h"
#include "net/http/http.h"

namespace selvedge::camera {

enum class Shown : std::uint8_t { annotated, as_it_came };

// "image/jpeg" by what is in the file.
std::string_view content_type_of(base::BytesView file);

struct StreamOf {
  std::string camera;                              // by name
  Shown shown = Shown::annotated;
  std::shared_ptr<void> slot;                      // is held while the client is there
};
// Ends at once if there is no such camera any more. `cameras` must outlive the server's requests.
void begin_picture_stream(Cameras& cameras, StreamOf what, std::shared_ptr<net::http::BodyWriter> writer);

}  // namespace selvedge::camera
