// Uplink: carries blocks to the cloud: engine::Forward decides, engine::Client speaks MQTT, a
// stream of the network carries it, and the store gives the blocks.
//
// A batch goes out with QoS 0: the end-to-end acknowledgement, which the cloud sends after its
// commit, is the only one that counts, and Forward repeats what it does not cover.
// Belongs to the loop thread.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "engine/forward/forward.h"
#include "engine/session/client.h"
#include "os/world.h"
#include "store/reading_store.h"

namespace selvedge::node {

struct UplinkConfig {
  std::string node;
  os::Endpoint cloud;
  std::shared_ptr<os::Tls> tls;
  engine::ForwardLimits limits;
};

class Uplink final : os::StreamEvents {
 public:
  Uplink(os::World& world, store::ReadingStore& store, base::Registry& metrics,
         UplinkConfig config);
  ~Uplink() override;

  void start();
  void stop();
  void sealed(model::BlockSeq seq, std::size_t frame_bytes);
  void dropped_before(model::BlockSeq first);

  const engine::ForwardStats& stats() const { return forward_.stats(); }
  // When the cloud last acknowledged something; zero if never.
  base::Time last_acknowledged() const { return last_acknowledged_; }

 private:
  void on_open(os::Stream&) override;
  void on_bytes(os::Stream&, base::BytesView bytes) override;
  void on_close(os::Stream&, const base::Error& why) override;

  void carry_out();
  void carry_out_client();
  void send(const engine::SendBlocks& asked);
  void lost(const base::Error& why);
  void arm();

  os::World& world_;
  store::ReadingStore& store_;
  UplinkConfig config_;
  engine::Forward forward_;
  engine::Client client_;
  engine::ForwardOutputs outputs_;
  engine::ClientEvents events_;
  std::unique_ptr<os::Stream> stream_;
  std::vector<bool> told_;             // series defined on this connection, by id
  base::Time last_acknowledged_{};
  os::TimerId timer_{};
  base::Instant timer_at_{};
  bool stopped_ = true;
  bool link_up_ = false;               // Forward was told so
  base::Counter& sent_bytes_;
};

}  // namespace selvedge::node
