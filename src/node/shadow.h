// Shadow: devices' twins on the node's own broker, like AWS device shadows. docs/reference/mqtt.md has
// the topics.
//
// A device asks on $twin/<device>[/name/<feature>]/{get,update,delete} and is answered on
// .../{accepted,rejected}; an update is answered, and acknowledged, when it is on disk. Whenever a
// wish changes, whoever changed it, the standing wishes go out on .../update/delta: the broker keeps
// them for a persistent session that is away, and whoever subscribes anew is given the present ones,
// so that a device misses none and gets none twice. Only after a crash of the node a delta may come a
// second time, with the same version.
//
// At most `most_waiting` updates wait for the disk; more are rejected with 429. Belongs to the loop
// thread.

#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/metrics.h"
#include "codec/twin/shadow.h"
#include "net/mqtt/server.h"
#include "engine/admission/rate_limit.h"
#include "os/world.h"
#include "store/twin_store.h"

namespace selvedge::node {

// What the shadow needs of its node.
struct ShadowHost {
  std::function<std::string()> node;                          // its name
  std::function<void(net::mqtt::Message)> publish;
  std::function<void(engine::Token, codec::mqtt::Reason)> settle;
  std::function<void(std::function<void()>)> commit;          // twins and sessions
  engine::RateLimits requests = {};                           // of each device
};

class Shadow {
 public:
  static constexpr std::size_t most_waiting = 10'000;
  static constexpr std::size_t most_payload_bytes = 128 << 10;

  Shadow(os::World& world, store::TwinStore& twins, base::Registry& metrics, ShadowHost host);
  ~Shadow();
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;

  // True if the message was for a twin; then it is settled here.
  bool message(const engine::Arrived& message);
  void subscribed(std::span<const engine::Outputs::Subscribed> subscriptions);
  // The cloud sent what it had sent before: perhaps a crash took the delta.
  void repeated(std::string_view id);

 private:
  struct Request {
    std::string device, feature, prefix;
    codec::twin::ShadowVerb verb{};
    std::optional<engine::Token> token;
    codec::twin::ShadowRequest asked;
  };

  void get(const Request& request);
  void update(Request request);
  void remove(Request request);
  void accept(const Request& request, std::string payload);
  void reject(const Request& request, const base::Error& why);
  void reject(const Request& request, int status, std::string_view why);
  void when_durable(Request request, std::string accepted, std::string documents);
  void settle(const Request& request, codec::mqtt::Reason reason);
  std::string id_of(const Request& request) const;
  std::string accepted_update(const Request& request) const;
  std::string document(const engine::Twin* twin, std::string_view feature) const;

  void changed(const store::TwinEvent& event);
  void publish_deltas(std::string_view device, const engine::Twin& twin,
                      std::span<const std::string> features);
  void give_deltas(const engine::Outputs::Subscribed& subscription);
  void publish(std::string topic, std::string_view payload,
               std::optional<engine::ConnId> only = std::nullopt);
  std::int64_t seconds() const;

  os::World& world_;
  store::TwinStore& twins_;
  ShadowHost host_;
  store::TwinStore::WatchId watch_;
  std::unordered_set<std::string> published_;   // twins whose delta went out since the start
  std::size_t waiting_ = 0;
  engine::RateLimit rate_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  base::Counter& accepted_;
  base::Counter& rejected_;
  base::Counter& deltas_;
};

}  // namespace selvedge::node
