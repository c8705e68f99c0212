// Cloud: the controller of a small fleet in one process: nodes' MQTT listener, block store, CA,
// HTTP interface.
//
// A service: create(), start(), stop(), each once. Runs in a World, real or fake.

#pragma once

#include <functional>
#include <memory>

#include "base/metrics.h"
#include "base/result.h"
#include "cloud/config.h"
#include "os/world.h"
#include "store/twin_store.h"

namespace selvedge::cloud {

class BlockStore;

class Cloud {
 public:
  // Opens everything; nothing listens yet.
  static base::Result<std::unique_ptr<Cloud>> create(os::World& world, const CloudConfig& config);
  // The same over another store than SQLite.
  static base::Result<std::unique_ptr<Cloud>> create(os::World& world, const CloudConfig& config,
                                                     std::unique_ptr<BlockStore> store);
  ~Cloud();

  base::Result<void> start();
  // Stops taking, commits what was received, closes; `done` once.
  void stop(std::function<void()> done);

  std::uint16_t mqtt_port() const;
  std::uint16_t http_port() const;
  std::uint16_t metrics_port() const;
  BlockStore& store();
  store::TwinStore& twins();
  base::Registry& metrics();

 private:
  struct State;
  explicit Cloud(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::cloud
