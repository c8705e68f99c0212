#include "things/sync_link.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace selvedge::things {

SyncLink::SyncLink(os::World& world, store::TwinStore& store, std::string node,
                   TwinSyncStats& stats, SyncHost& host)
    : world_(world), host_(host), node_(node), sync_(store, std::move(node), {}, stats) {}

SyncLink::~SyncLink() {
  world_.loop().cancel(timer_);
  sync_.disconnected();
}

void SyncLink::connected() {
  TwinSyncOutputs out;
  sync_.connected(world_.random_u64(), world_.loop().now(), world_.loop().wall_now(), out);
  carry_out(std::move(out));
}

void SyncLink::disconnected() {
  sync_.disconnected();
  world_.loop().cancel(std::exchange(timer_, os::TimerId::none));
}

void SyncLink::received(const codec::twin::Message& message) {
  TwinSyncOutputs out;
  sync_.received(message, world_.loop().now(), world_.loop().wall_now(), out);
  carry_out(std::move(out));
}

void SyncLink::changed() {
  if (!sync_.is_connected() || std::exchange(planned_, true)) return;
  world_.loop().defer([this, living = std::weak_ptr<bool>(alive_)] {
    if (living.expired()) return;
    planned_ = false;
    TwinSyncOutputs out;
    sync_.changed(world_.loop().now(), world_.loop().wall_now(), out);
    carry_out(std::move(out));
  });
}

void SyncLink::carry_out(TwinSyncOutputs out) {
  for (const base::Bytes& message : out.send) host_.send_to_peer(node_, message);
  for (const model::TwinId& id : out.repeated) host_.came_again(id);
  if (out.trouble)
    base::log::warn("twins", "changes not taken", {{"node", node_}, {"why", *out.trouble}});
  if (!out.changes.empty()) {
    host_.make_durable([this, changes = std::move(out.changes), session = sync_.session(),
                        living = std::weak_ptr<bool>(alive_)] {
      if (living.expired() || session != sync_.session()) return;
      for (const base::Bytes& message : changes) host_.send_to_peer(node_, message);
    });
  }
  if (!out.taken.empty()) {
    host_.make_durable([this, taken = std::move(out.taken), living = std::weak_ptr<bool>(alive_)] {
      if (living.expired()) return;
      TwinSyncOutputs more;
      for (const TwinSyncTaken& one : taken)
        sync_.committed(one, world_.loop().now(), world_.loop().wall_now(), more);
      carry_out(std::move(more));
    });
  }
  arm();
}

void SyncLink::arm() {
  world_.loop().cancel(std::exchange(timer_, os::TimerId::none));
  const auto wake = sync_.wake_at();
  if (!wake) return;
  timer_ = world_.loop().after(std::max(*wake - world_.loop().now(), base::Duration(0)), [this] {
    timer_ = os::TimerId::none;
    TwinSyncOutputs out;
    sync_.tick(world_.loop().now(), world_.loop().wall_now(), out);
    carry_out(std::move(out));
  });
}

void count(base::Registry& metrics, const TwinSyncStats& stats) {
  const auto counter = [&](const char* name, const char* help, std::uint64_t TwinSyncStats::* which) {
    metrics.counter_from(name, help, [&stats, which] { return static_cast<double>(stats.*which); });
  };
  counter("selvedge_twin_sync_messages_sent_total", "Messages with changes of twins sent.",
          &TwinSyncStats::messages_sent);
  counter("selvedge_twin_sync_messages_received_total", "Messages with changes of twins received.",
          &TwinSyncStats::messages_received);
  counter("selvedge_twin_sync_twins_sent_total", "Changed twins in messages sent.",
          &TwinSyncStats::twins_sent);
  counter("selvedge_twin_sync_twins_received_total", "Changed twins in messages received.",
          &TwinSyncStats::twins_received);
  counter("selvedge_twin_sync_refused_total", "Changes of the other side that were refused.",
          &TwinSyncStats::refused);
  counter("selvedge_twin_sync_foreign_total", "Changes refused because the twin is another node's.",
          &TwinSyncStats::foreign);
  counter("selvedge_twin_sync_timeouts_total", "Acknowledgements that did not come in time.",
          &TwinSyncStats::timeouts);
  counter("selvedge_twin_sync_deferred_total", "Messages not taken for want of room.",
          &TwinSyncStats::deferred);
}

}  // namespace selvedge::things
