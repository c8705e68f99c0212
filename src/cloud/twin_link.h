// TwinLink: what the cloud and its nodes say to each other about twins, on the nodes' connections:
// changes both ways (things::TwinSync), and live commands to devices.
//
// A node may only speak of twins in its own namespace; what it says of others is refused and counted.
// A message that cannot be read costs the node its connection. Kept for each connected node: a SyncLink
// (about 500 bytes) and what is on the way to it; nothing for the others. A change finds its node by
// the twin's name. At most `most_commands` are on the way, `most_per_node` to one node; more get 429.
// Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/metrics.h"
#include "net/mqtt/server.h"
#include "os/world.h"
#include "store/twin_store.h"
#include "things/command.h"
#include "things/sync_link.h"

namespace selvedge::cloud {

class TwinLink final : things::SyncHost {
 public:
  static constexpr std::size_t most_commands = 10'000, most_per_node = 256;

  TwinLink(os::World& world, store::TwinStore& twins, base::Registry& metrics);
  ~TwinLink() override;

  // The server to speak through; before the first message.
  void attach(net::mqtt::Server& server) { server_ = &server; }
  // True if the message was about twins.
  bool message(const engine::Arrived& message);
  // True if it was the connection on which the node spoke of its twins.
  bool left(engine::ConnId conn, std::string_view node);

  void send(things::Command command, things::CommandDone done);   // a things::SendCommand

  // Nothing waits for this node, as far as is known.
  bool settled(std::string_view node) const;
  std::size_t linked() const { return nodes_.size(); }

 private:
  struct Node {
    std::unique_ptr<things::SyncLink> link;
    engine::ConnId conn{};
    std::size_t commands = 0;            // on the way
  };
  struct Pending {
    std::string node;
    things::CommandDone done;
    os::TimerId timer{};
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  void send_to_peer(std::string_view node, base::BytesView message) override;
  void make_durable(std::function<void()> done) override;
  void came_again(std::string_view) override {}
  void changed(const store::TwinEvent& event);
  void answered(std::string_view node, const codec::twin::Answer& answer);
  void end(std::uint64_t request, things::CommandAnswer answer);
  double worst_skew() const;

  os::World& world_;
  store::TwinStore& twins_;
  net::mqtt::Server* server_ = nullptr;
  std::unordered_map<std::string, Node, Hash, std::equal_to<>> nodes_;   // connected ones
  std::unordered_map<std::uint64_t, Pending> commands_;
  std::uint64_t last_request_;
  things::TwinSyncStats stats_;
  store::TwinStore::WatchId watch_;
  base::Counter& unreadable_;
  base::Counter& sent_;
  base::Counter& answered_;
  base::Counter& late_;
};

}  // namespace selvedge::cloud
