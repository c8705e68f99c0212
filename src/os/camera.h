// Camera: pictures from a camera that is plugged into this machine, as its driver gives them.
//
// Opening takes a camera up to seconds, so it happens on a pool thread; then each picture comes as a
// call on the loop. The driver's few buffers are the only queue: while nobody takes pictures it drops
// them, so that what comes is never old. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::os {

struct CameraOptions {
  std::string device = "/dev/video0";
  int width = 640, height = 480;                   // wished for; the camera takes the nearest it can
  double frames_a_second = 0;                      // 0: as many as it likes
  // mjpeg: pictures as JPEG files. yuyv: two pixels in four bytes. any: mjpeg if it can.
  enum class Format : std::uint8_t { any, mjpeg, yuyv } format = Format::any;
};

// What the camera agreed to.
struct CameraMode {
  CameraOptions::Format format = CameraOptions::Format::mjpeg;   // never any
  int width = 0, height = 0;
  std::size_t stride = 0;                          // bytes from row to row; yuyv
  double frames_a_second = 0;                      // 0: it does not say
  std::string name = {};                           // of the camera, as its driver says
};

class Camera;

class CameraEvents {
 public:
  virtual ~CameraEvents() = default;

  virtual void on_open(Camera&, const CameraMode&) {}
  // `bytes` is valid during the call only. The camera may be destroyed inside. What is in it comes from
  // outside: it may be any bytes, and fewer than the mode says.
  virtual void on_picture(Camera&, base::BytesView bytes) = 0;
  // Called once, last: it could not be opened (not_found: no such device; denied; unavailable: in use; invalid_input:
  // no camera, or none of the formats), was pulled out, or broke. Never within World::camera(). The camera may
  // be destroyed inside.
  virtual void on_close(Camera&, const base::Error& why) = 0;
};

class Camera {
 public:
  virtual ~Camera() = default;                     // no call comes after this
};

}  // namespace selvedge::os
