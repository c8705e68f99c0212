// SyncLink: a TwinSync on a loop: its timer, its commits, and one round at the end of a turn in which
// twins changed. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/metrics.h"
#include "os/world.h"
#include "things/sync.h"

namespace selvedge::things {

class SyncHost {
 public:
  virtual ~SyncHost() = default;
  virtual void send_to_peer(std::string_view node, base::BytesView message) = 0;
  // Calls back when all that was joined so far is durable; never from within the call.
  virtual void make_durable(std::function<void()> done) = 0;
  virtual void came_again(std::string_view id) = 0;   // TwinSyncOutputs::repeated
};

class SyncLink {
 public:
  SyncLink(os::World& world, store::TwinStore& store, std::string node, TwinSyncStats& stats,
           SyncHost& host);
  ~SyncLink();
  SyncLink(const SyncLink&) = delete;
  SyncLink& operator=(const SyncLink&) = delete;

  void connected();
  void disconnected();
  void received(const codec::twin::Message& message);
  // May be called from within a watcher of the store.
  void changed();

  const TwinSync& sync() const { return sync_; }

 private:
  void carry_out(TwinSyncOutputs out);
  void arm();

  os::World& world_;
  SyncHost& host_;
  std::string node_;
  TwinSync sync_;
  os::TimerId timer_{};
  bool planned_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// The counters of `stats` on a metrics page; `stats` must outlive the registry's use.
void count(base::Registry& metrics, const TwinSyncStats& stats);

}  // namespace selvedge::things
