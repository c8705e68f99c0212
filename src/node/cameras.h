// Cameras: the cameras of [[camera]], and what becomes of what is found in their pictures: readings of series
// (<prefix>/count, <prefix>/<label>, <prefix>/detections) and an event by MQTT
// (selvedge/cameras/<name>/detections).
//
// Counts are those that a camera says (engine/camera/count_report.h), stored as readings of the device that is
// called like the camera. What the store does not take, because it is full or a series holds something else, is
// counted and logged; the event goes out all the same. Pictures are never stored. A picture that comes by MQTT
// goes to each camera whose filter matches, and to the decoding of readings no more. After stop() nothing is
// stored and nothing published. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "camera/camera_routes.h"
#include "net/mqtt/server.h"
#include "node/config.h"
#include "node/ingest.h"
#include "serving/models.h"

namespace selvedge::node {

// A [[camera]] that makes sense.
struct CameraSetup {
  CameraConfig config;                             // where its pictures come from
  camera::CameraOptions options;
  std::string series;                              // what names of its series begin with
};

struct CamerasHost {
  std::function<void(net::mqtt::Message)> publish;
  std::function<void()> plan_commit;
};

class Cameras final : public camera::Cameras {
 public:
  static constexpr std::size_t most = 256;

  // All references must outlive it. Errors name the camera: a password that cannot be read, no TLS.
  static base::Result<std::unique_ptr<Cameras>> create(os::World& world, serving::Models& models, Ingest& ingest,
                                                       base::Registry& metrics, std::vector<CameraSetup> setups,
                                                       CamerasHost host);
  ~Cameras() override;

  void start();                                    // sources begin
  void stop();                                     // and end

  // Whether it is a picture of some camera.
  bool message(std::string_view topic, base::BytesView payload);

  std::vector<camera::Camera*> all() override;
  camera::Camera* find(std::string_view name) override;

  // How they are, in a few numbers.
  std::string summary_json() const;

 private:
  struct One;

  Cameras(os::World& world, Ingest& ingest, CamerasHost host);
  base::Result<void> add(serving::Models& models, base::Registry& metrics, CameraSetup setup);
  base::Result<void> connect(One& one);
  void looked(One& one, const camera::Look& look);

  os::World& world_;
  Ingest& ingest_;
  CamerasHost host_;
  std::vector<std::unique_ptr<One>> cameras_;      // as in the config
  std::vector<One*> by_topic_;
  bool stopped_ = false;
};

}  // namespace selvedge::node
