// CameraRoutes: the cameras of this node for people and programs: a list, the last picture, a stream of them that
// a browser shows, and pictures that are sent. docs/reference/http.md. Belongs to the loop thread.

#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "camera/camera.h"
#include "net/api/access.h"
#include "net/http/http.h"

namespace selvedge::camera {

// The cameras as they are at the moment; must outlive the server's requests.
class Cameras {
 public:
  virtual ~Cameras() = default;
  virtual std::vector<Camera*> all() = 0;
  virtual Camera* find(std::string_view name) = 0;   // null if there is none
};

// That watch one camera at once; one more gets 429.
inline constexpr std::size_t most_streams = 16;

// GET  /api/v1/cameras                         list with states and counts
// GET  /api/v1/cameras/NAME                    one
// GET  /api/v1/cameras/NAME/picture            last picture that was looked at; ?annotated=true draws on it
// GET  /api/v1/cameras/NAME/stream             multipart/x-mixed-replace of the same; ?annotated=false as they came
// POST /api/v1/cameras/NAME/picture            one that is sent (202), by an operator, this machine, or a device;
//                                              ?wait=true answers with what was found in it
// A camera that has a source takes none that is sent (409).
void add_camera_routes(net::http::Server& server, Cameras& cameras, const net::api::Identify& identify);

std::string cameras_json(Cameras& cameras);

}  // namespace selvedge::camera
