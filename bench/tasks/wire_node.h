// WireNode: a node of the fleet as the cloud sees it: one MQTT connection over mutual TLS, and what is said of twins on it.
// It keeps nothing and runs nothing: a task that is wished for it reports as running in the same turn.
//
// What is measured with it is the cloud; its own share of the machine is counted apart. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "codec/twin/twin.h"
#include "engine/session/client.h"
#include "os/world.h"

namespace selvedge::bench {

class WireNode final : os::StreamEvents {
 public:
  struct Told {
    std::function<void()> known;                                    // the cloud has on disk what it is
    std::function<void(const std::string& task)> wished;            // the cloud had the wish on disk when it sent it
    std::function<void(const std::string& task)> reported;          // the cloud has on disk that it runs
    std::function<void(const std::string& why)> lost;
  };

  // It has room for so many tasks of a tenth of a core and 32 MiB each.
  WireNode(os::World& world, std::string name, int tasks, Told& told);

  void connect(const os::Endpoint& cloud, std::shared_ptr<os::Tls> tls);

 private:
  struct Sent {
    std::uint64_t number = 0;
    std::vector<std::string> tasks;
  };
  void on_open(os::Stream&) override;
  void on_bytes(os::Stream&, base::BytesView bytes) override;
  void on_close(os::Stream&, const base::Error& why) override;

  void carry_out();
  void message(base::BytesView payload);
  void take(const codec::twin::Changes& changes);
  void say(const codec::twin::Message& message);
  void report(std::vector<model::TwinLeaf> leaves, std::vector<std::string> tasks);
  model::TwinLeaf leaf(std::string path, std::string value);

  os::World& world_;
  std::string name_;
  int room_;
  Told& told_;
  engine::Client client_;
  engine::ClientEvents events_;
  std::unique_ptr<os::Stream> stream_;
  std::unordered_map<std::string, std::string> running_;            // task -> generation
  std::vector<Sent> sent_;
  std::uint64_t session_ = 0, number_ = 0, revision_ = 0, stamp_ = 0;
};

}  // namespace selvedge::bench
