#include "cloud/cloud.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/log.h"
#include "cloud/api.h"
#include "cloud/authority.h"
#include "cloud/block_store.h"
#include "cloud/receiver.h"
#include "net/http/http.h"
#include "net/mqtt/server.h"

namespace selvedge::cloud {

using base::Result;
using codec::mqtt::Reason;

namespace {

engine::BrokerLimits broker_limits(const CloudConfig& config) {
  engine::BrokerLimits limits;
  limits.packet_bytes = codec::uplink::max_batch_bytes + 1024;
  limits.connections = config.nodes;
  limits.sessions = config.nodes;
  limits.unsent_bytes = 4 << 20;
  return limits;
}

// A node speaks on its own topics and no others.
engine::Access access() {
  return {[](std::string_view node, std::string_view topic) {
            return topic == codec::uplink::blocks_topic(node);
          },
          [](std::string_view node, std::string_view filter) {
            return filter == codec::uplink::ack_topic(node);
          }};
}

}  // namespace

struct Cloud::State {
  State(os::World& w, CloudConfig c) : world(w), config(std::move(c)) {}

  os::World& world;
  CloudConfig config;
  base::Registry metrics;
  std::unique_ptr<Authority> authority;
  std::unique_ptr<BlockStore> store;
  std::unique_ptr<Receiver> receiver;
  std::unique_ptr<ApiContext> context;
  std::unique_ptr<net::mqtt::Server> mqtt;
  std::unique_ptr<net::http::Server> http;
  std::unique_ptr<net::http::Server> plain;
  std::shared_ptr<os::Tls> mqtt_tls, http_tls;
  std::unordered_set<std::string> revoked;            // certificate serials
  std::uint16_t mqtt_port = 0, http_port = 0, metrics_port = 0;

  Result<void> admit(const os::Peer& peer) const {
    if (revoked.contains(peer.serial))
      return base::fail(base::Code::denied, "certificate " + peer.serial + " is revoked");
    return {};
  }

  void login(net::mqtt::LoginRequest request, const std::function<void(engine::Grant)>& answer) {
    const auto role = crypto::role_of(request.facts.uris);
    if (!role || role->role != crypto::Role::node || role->name != request.client_id) {
      base::log::warn("mqtt", "login refused",
                      {{"from", request.facts.address},
                       {"certificate", request.facts.common_name},
                       {"client_id", request.client_id}});
      return answer({Reason::not_authorized, {}, {}});
    }
    base::log::info("mqtt", "node connected", {{"node", role->name}, {"from", request.facts.address}});
    store->seen(role->name, world.loop().wall_now());
    answer({Reason::success, role->name, {}});
  }

  void make_mqtt() {
    net::mqtt::Hooks hooks;
    hooks.login = [this](net::mqtt::LoginRequest request,
                         std::function<void(engine::Grant)> answer) {
      login(std::move(request), answer);
    };
    hooks.arrived = [this](std::span<const engine::Arrived> messages) {
      for (const engine::Arrived& message : messages) {
        receiver->take(message.device, message.payload);
        if (message.token) mqtt->settle(*message.token, Reason::success);
      }
    };
    mqtt = std::make_unique<net::mqtt::Server>(world, broker_limits(config), access(),
                                               std::move(hooks));
    receiver->attach(*mqtt);
    metrics.gauge_from("selvedge_cloud_nodes_connected", "Nodes connected now.",
                       [this] { return static_cast<double>(mqtt->stats().connections); });
    metrics.counter_from("selvedge_mqtt_protocol_errors_total", "Connections ended for an error.",
                         [this] { return static_cast<double>(mqtt->stats().protocol_errors); });
  }

  bool is_connected(std::string_view node) const {
    const auto sessions = mqtt->sessions(config.nodes);
    return std::ranges::any_of(sessions, [&](const auto& s) {
      return s.connected && s.device == node;
    });
  }

  Result<void> make_tls() {
    os::TlsConfig tls;
    tls.certificate = authority->cloud_certificate();
    tls.key = authority->cloud_key();
    tls.trusted = authority->certificate();
    tls.tls13_only = true;
    tls.chacha20_only = config.chacha20_only;
    tls.admit = [this](const os::Peer& peer) { return admit(peer); };
    tls.peer = os::TlsConfig::PeerCertificate::required;
    mqtt_tls = TRY(world.network().server_tls(tls));
    tls.peer = os::TlsConfig::PeerCertificate::optional;   // a joining node has none yet
    http_tls = TRY(world.network().server_tls(tls));
    return {};
  }

  void make_http(const std::string& mqtt_address) {
    context = std::make_unique<ApiContext>(ApiContext{
        world, config, *authority, *store, metrics, mqtt_address,
        [this](std::string_view node) { return is_connected(node); },
        [this](std::string_view node) { on_revoked(node); }, [](std::string_view) {}});
    http = std::make_unique<net::http::Server>(world, net::http::ServerLimits{});
    add_operator_routes(*http, *context);
    add_join_route(*http, *context);
    add_health_routes(*http, *context);
    plain = std::make_unique<net::http::Server>(world, net::http::ServerLimits{});
    add_health_routes(*plain, *context);
  }

  void on_revoked(std::string_view node) {
    mqtt->kick_device(node, Reason::not_authorized);
    load_revoked([] {});
  }

  void load_revoked(std::function<void()> done) {
    store->revoked([this, done = std::move(done)](Result<std::vector<std::string>> serials) {
      if (serials) revoked.insert(serials->begin(), serials->end());
      else base::log::error("identity", "cannot read revocations", {{"why", serials.error()}});
      done();
    });
  }

  std::string advertised() const {
    if (!config.advertise_mqtt.empty()) return config.advertise_mqtt;
    return os::Endpoint{config.hosts.front(), mqtt_port}.text();
  }
};

Cloud::Cloud(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cloud::~Cloud() = default;

Result<std::unique_ptr<Cloud>> Cloud::create(os::World& world, const CloudConfig& config) {
  return create(world, config, TRY(BlockStore::open_sqlite(world, config.state)));
}

Result<std::unique_ptr<Cloud>> Cloud::create(os::World& world, const CloudConfig& config,
                                             std::unique_ptr<BlockStore> store) {
  auto state = std::make_unique<State>(world, config);
  state->authority =
      TRY(Authority::open(world, config.state, config.hosts, config.operator_certificate));
  state->store = std::move(store);
  state->receiver = std::make_unique<Receiver>(world, *state->store, state->metrics,
                                               config.receive_buffer.bytes,
                                               config.commit_bytes.bytes);
  state->make_mqtt();
  TRY(state->make_tls());
  return std::unique_ptr<Cloud>(new Cloud(std::move(state)));
}

Result<void> Cloud::start() {
  State& s = *state_;
  s.load_revoked([] {});
  s.mqtt_port = TRY(base::while_doing(
      "listen for nodes", s.mqtt->listen(TRY(os::parse_endpoint(s.config.mqtt_listen)), s.mqtt_tls)));
  s.make_http(s.advertised());
  s.http_port = TRY(base::while_doing(
      "listen for operators",
      s.http->listen(TRY(os::parse_endpoint(s.config.http_listen)), s.http_tls)));
  if (!s.config.metrics_listen.empty())
    s.metrics_port = TRY(base::while_doing(
        "listen for scrapers",
        s.plain->listen(TRY(os::parse_endpoint(s.config.metrics_listen)), nullptr)));
  base::log::info("cloud", "ready",
                  {{"mqtt", s.mqtt_port}, {"https", s.http_port}, {"metrics", s.metrics_port}});
  return {};
}

void Cloud::stop(std::function<void()> done) {
  State& s = *state_;
  // What was received is committed and acknowledged first, then the goodbyes.
  s.mqtt->pause();
  s.receiver->drain([&s, done = std::move(done)] {
    s.mqtt->close([&s, done] {
      s.http->close([&s, done] {
        s.plain->close([&s, done] { s.store->close(done); });
      });
    });
  });
}

std::uint16_t Cloud::mqtt_port() const { return state_->mqtt_port; }
std::uint16_t Cloud::http_port() const { return state_->http_port; }
std::uint16_t Cloud::metrics_port() const { return state_->metrics_port; }
BlockStore& Cloud::store() { return *state_->store; }
base::Registry& Cloud::metrics() { return state_->metrics; }

}  // namespace selvedge::cloud
