// TwinLink: what a node and the cloud say to each other about twins, on the uplink's connection: changes
// both ways (things::TwinSync), and live commands to devices.
//
// Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "node/uplink.h"
#include "os/world.h"
#include "store/twin_store.h"
#include "things/command.h"
#include "things/sync_link.h"

namespace selvedge::node {

struct TwinLinkHost {
  std::function<void(std::function<void()>)> commit;        // twins and sessions
  std::function<void(std::string_view id)> repeated;
  things::SendCommand command;                              // to a device of this node
  std::function<void()> opened;                             // the cloud can be told of changes
  std::function<void(base::Instant sent)> contact;          // all that the cloud had to say then is here
};

class TwinLink final : things::SyncHost {
 public:
  TwinLink(os::World& world, store::TwinStore& twins, base::Registry& metrics, TwinLinkHost host);
  ~TwinLink() override;

  // Uses this connection from now on, as this node; before it starts.
  void attach(Uplink& uplink, std::string node);
  // Nothing of ours waits for the cloud.
  bool settled() const { return link_ != nullptr && link_->sync().settled(); }

 private:
  void send_to_peer(std::string_view node, base::BytesView message) override;
  void make_durable(std::function<void()> done) override;
  void came_again(std::string_view id) override;
  void received(base::BytesView payload);
  void run(const codec::twin::Command& command);
  void changed(const store::TwinEvent& event);

  os::World& world_;
  store::TwinStore& twins_;
  TwinLinkHost host_;
  std::string node_;
  Uplink* uplink_ = nullptr;
  std::unique_ptr<things::SyncLink> link_;
  things::TwinSyncStats stats_;
  std::optional<base::Instant> contact_;
  store::TwinStore::WatchId watch_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  base::Counter& unreadable_;
};

}  // namespace selvedge::node
