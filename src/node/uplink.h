// Uplink: carries blocks to the cloud: engine::Forward decides, engine::Client speaks MQTT, a
// stream of the network carries it, and the store gives the blocks.
//
// Beside the blocks others may use the connection through a channel: small messages on topics of
// their own, which do not wait for blocks that are not sent yet.
//
// A batch goes out with QoS 0: the end-to-end acknowledgement, which the cloud sends after its
// commit, is the only one that counts, and Forward repeats what it does not cover.
// Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
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

// What is told to a user of the connection, always from the loop. A cloud that does not know the topic
// leaves the channel down; blocks go on.
struct UplinkChannel {
  std::string topic;                                 // subscribed to at the cloud
  std::function<void()> opened;                      // messages may pass
  std::function<void(base::BytesView)> message;
  std::function<void()> lost;                        // only after `opened`
};

class Uplink final : os::StreamEvents {
 public:
  Uplink(os::World& world, store::ReadingStore& store, base::Registry& metrics,
         UplinkConfig config);
  ~Uplink() override;

  // Before start().
  void add(UplinkChannel channel);
  // QoS 0, at once. Code::unavailable without a connection.
  base::Result<void> send(std::string_view topic, base::BytesView payload);

  void start();
  void stop();
  void sealed(model::BlockSeq seq, std::size_t frame_bytes);
  void dropped_before(model::BlockSeq first);

  void set_limits(const engine::ForwardLimits& limits);
  const engine::ForwardStats& stats() const { return forward_.stats(); }
  // When the cloud last acknowledged something; zero if never.
  base::Time last_acknowledged() const { return last_acknowledged_; }

 private:
  void on_open(os::Stream&) override;
  void on_bytes(os::Stream&, base::BytesView bytes) override;
  void on_close(os::Stream&, const base::Error& why) override;

  void carry_out();
  void carry_out_client();
  void subscribed(const engine::ClientEvents::Subscribed& answer);
  void received(const engine::ClientEvents::Message& message);
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
  struct Channel {
    UplinkChannel user;
    bool open = false;
  };
  std::vector<Channel> channels_;
  std::vector<bool> told_;             // series defined on this connection, by id
  base::Time last_acknowledged_{};
  os::TimerId timer_{};
  base::Instant timer_at_{};
  bool stopped_ = true;
  bool link_up_ = false;               // Forward was told so
  base::Counter& sent_bytes_;
};

}  // namespace selvedge::node
