// Device: a device's connection to a node: publish, keep what is not acknowledged, reconnect.
//
// What was published and not acknowledged stays in memory, up to `waiting_bytes`, and is sent again
// after a reconnect. publish() says Code::exhausted when that is full: the caller decides what to
// lose. Belongs to the loop thread of its world.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/backoff.h"
#include "base/result.h"
#include "engine/session/client.h"
#include "os/world.h"

namespace selvedge::client {

struct DeviceOptions {
  os::Endpoint node;
  std::shared_ptr<os::Tls> tls;          // null: plain
  std::string client_id;
  std::optional<std::string> username, password;
  codec::mqtt::Version version = codec::mqtt::Version::v5;
  // Keep the session at the node over reconnects, so that QoS 1 and 2 go on where they stopped.
  std::uint32_t session_expiry = 3600;
  // Begin anew. False takes up the session that an earlier run of this name left at the node, for one
  // that only subscribes: a publisher cannot know which identifiers are in use there.
  bool clean_start = true;
  std::uint16_t keep_alive = 30;
  std::uint16_t inflight = 20;
  std::uint64_t waiting_bytes = 1 << 20;
  base::Duration backoff_first = std::chrono::milliseconds(200);
  base::Duration backoff_most = std::chrono::seconds(30);
};

// "mqtt://host:port" or "mqtts://host:port"; the port defaults to 1883 and 8883.
struct DeviceUrl {
  os::Endpoint node;
  bool tls = false;
};
base::Result<DeviceUrl> parse_device_url(std::string_view text);

class Device final : os::StreamEvents {
 public:
  Device(os::World& world, DeviceOptions options);
  ~Device() override;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void start();
  // QoS 0 has no id. Acknowledged through on_acknowledged.
  base::Result<engine::PublishId> publish(std::string_view topic, base::BytesView payload,
                                          std::uint8_t qos, bool retain = false);
  void subscribe(std::string_view filter, std::uint8_t qos);
  // Says goodbye and closes; what is not acknowledged is dropped.
  void stop();

  void on_acknowledged(std::function<void(engine::PublishId, codec::mqtt::Reason)> told);
  void on_message(std::function<void(const engine::ClientEvents::Message&)> told);
  void on_connected(std::function<void(bool session_present)> told);
  void on_lost(std::function<void(const base::Error& why)> told);

  bool connected() const { return client_.connected(); }
  std::size_t unacknowledged() const { return client_.inflight() + client_.waiting(); }

 private:
  void on_open(os::Stream&) override;
  void on_bytes(os::Stream&, base::BytesView bytes) override;
  void on_close(os::Stream&, const base::Error& why) override;
  void connect();
  void carry_out();
  void lost(const base::Error& why);
  void arm();

  os::World& world_;
  DeviceOptions options_;
  engine::Client client_;
  engine::ClientEvents events_;
  base::Backoff backoff_;
  std::unique_ptr<os::Stream> stream_;
  os::TimerId reconnect_{}, timer_{};
  base::Instant timer_at_{};
  bool stopped_ = true;
  std::function<void(engine::PublishId, codec::mqtt::Reason)> acknowledged_;
  std::function<void(const engine::ClientEvents::Message&)> message_;
  std::function<void(bool)> connected_told_;
  std::function<void(const base::Error&)> lost_told_;
};

}  // namespace selvedge::client
