// Node: an edge node in one object: device listeners, ingest, store, uplink, HTTP interface.
//
// A service: create(), start(), stop(), each once. Runs in a World, real or fake, and needs nothing
// but it: no cloud, no network, no clock that is right.

#pragma once

#include <functional>
#include <memory>

#include "base/metrics.h"
#include "base/result.h"
#include "node/config.h"
#include "os/world.h"

namespace selvedge::node {

class Node {
 public:
  // Opens the store and recovers what an earlier run left; nothing listens yet.
  static base::Result<std::unique_ptr<Node>> create(os::World& world, const NodeConfig& config);
  // Every setting as it would be in force, with what the node's twin wished last.
  static std::vector<settings::Settings::Explained> explain(os::World& world, const NodeConfig& config);
  ~Node();

  base::Result<void> start();
  // Stops listening, makes everything durable, closes; `done` once.
  void stop(std::function<void()> done);

  // The first plain listener of each kind; 0 if there is none.
  std::uint16_t mqtt_port() const;
  std::uint16_t mqtt_tls_port() const;
  std::uint16_t http_port() const;
  store::ReadingStore& store();
  store::TwinStore& twins();
  serving::Models& models();                       // once it was started
  base::Registry& metrics();

 private:
  struct State;
  explicit Node(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::node
