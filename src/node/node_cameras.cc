// The cameras of a node: what they are connected to.

#include "node/state.h"

namespace selvedge::node {

base::Result<void> Node::State::open_cameras() {
  CamerasHost host;
  host.publish = [this](net::mqtt::Message message) { mqtt->publish(std::move(message)); };
  host.plan_commit = [this] { plan_commit(); };
  cameras = TRY(Cameras::create(world, *models, *ingest, metrics, TRY(config.camera_setups()), std::move(host)));
  return {};
}

// A picture is not stored, so who sent it need not wait: what it comes to would not bring it back.
bool Node::State::is_picture(const engine::Arrived& message) {
  if (!cameras->message(message.topic, message.payload)) return false;
  if (message.token) mqtt->settle(*message.token, codec::mqtt::Reason::success);
  return true;
}

void Node::State::add_camera_routes() { camera::add_camera_routes(*http, *cameras, api->identify); }

}  // namespace selvedge::node
