// Commands: live requests to devices on this node's broker.
//
// A command is published on $command/<device>[/name/<feature>]/<subject>/<correlation>, with MQTT 5
// response topic and correlation data; the device answers on .../reply or .../reply/<status>. It goes
// with QoS 0 to whoever is subscribed at that moment and is never kept: no subscriber that is connected
// means 404 at once. The deadline ends it with 408; an answer after that is counted and dropped. At
// most `most` are on the way, `most_per_device` to one device; more get 429. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/metrics.h"
#include "net/mqtt/server.h"
#include "os/world.h"
#include "things/command.h"

namespace selvedge::node {

struct CommandHost {
  std::function<std::string()> node;
  std::function<void(net::mqtt::Message)> publish;
  std::function<void(engine::Token, codec::mqtt::Reason)> settle;
};

class Commands {
 public:
  static constexpr std::size_t most = 1024, most_per_device = 16;

  Commands(os::World& world, base::Registry& metrics, CommandHost host);
  ~Commands();
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  void send(things::Command command, things::CommandDone done);   // a things::SendCommand
  // True if the message was below $command/; then it is settled here.
  bool message(const engine::Arrived& message);

 private:
  struct Pending {
    std::string device;
    things::CommandDone done;
    os::TimerId timer{};
  };
  void end(const std::string& correlation, things::CommandAnswer answer);
  std::string new_correlation() const;

  os::World& world_;
  CommandHost host_;
  std::unordered_map<std::string, Pending> pending_;   // by correlation
  std::unordered_map<std::string, std::size_t> per_device_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  base::Counter& sent_;
  base::Counter& answered_;
  base::Counter& late_;
  base::Counter& unasked_;
};

}  // namespace selvedge::node
