#include "node/node.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "base/json.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "identity/identity.h"
#include "net/http/http.h"
#include "net/http/websocket_stream.h"
#include "net/mqtt/server.h"
#include "node/api.h"
#include "node/dead_letters.h"
#include "node/devices.h"
#include "node/ingest.h"
#include "node/pull.h"
#include "node/session_log.h"
#include "node/uplink.h"

namespace selvedge::node {

using base::Result;
using codec::mqtt::Reason;

namespace {

// More messages than this waiting for the disk, and reading stops until half are settled.
constexpr std::size_t most_unsettled = 50'000;
constexpr base::Duration identity_poll = std::chrono::seconds(2);

std::string machine_name() {
  char buffer[256] = {};
  if (gethostname(buffer, sizeof buffer - 1) != 0) return "node";
  return buffer;
}

std::uint64_t message_key(const engine::Arrived& message) {
  if (!message.token) return 0;
  const std::uint32_t who = base::crc32c(base::as_bytes(message.client_id), message.token->packet_id);
  return static_cast<std::uint64_t>(who) << 32 |
         base::crc32c(message.payload, base::crc32c(base::as_bytes(message.topic)));
}

}  // namespace

struct Node::State {
  State(os::World& w, NodeConfig c) : world(w), config(std::move(c)) {}

  os::World& world;
  NodeConfig config;
  base::Registry metrics;
  std::unique_ptr<store::ReadingStore> store;
  std::unique_ptr<DeadLetters> dead_letters;
  std::unique_ptr<Devices> devices;
  std::unique_ptr<SessionLog> sessions;
  std::unique_ptr<Ingest> ingest;
  std::unique_ptr<net::mqtt::Server> mqtt;
  std::unique_ptr<ApiContext> api;
  std::unique_ptr<net::http::Server> http;
  std::vector<std::unique_ptr<Pull>> pulls;
  std::unique_ptr<Uplink> uplink;
  std::optional<identity::NodeIdentity> identity;
  std::uint16_t mqtt_port = 0, mqtt_tls_port = 0, http_port = 0;
  base::Instant started{};

  std::vector<engine::Token> group;    // to be settled with the next commit
  std::vector<engine::ConnId> refused;  // in this turn of the loop
  bool commit_planned = false;
  std::size_t unsettled = 0;
  os::TimerId seal_timer{}, identity_timer{};
  base::Histogram* commit_seconds = nullptr;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);

  ~State() {
    world.loop().cancel(seal_timer);
    world.loop().cancel(identity_timer);
  }

  std::string name() const {
    if (!config.name.empty()) return config.name;
    return identity ? identity->name : machine_name();
  }

  // ---- messages ----

  void arrived(std::span<const engine::Arrived> messages) {
    for (const engine::Arrived& message : messages) {
      IncomingMessage incoming;
      incoming.source = message.topic;
      incoming.client = message.client_id;
      incoming.device = message.device;
      incoming.payload = message.payload;
      incoming.key = message_key(message);
      incoming.repeated = message.duplicate;
      // What follows a refused message is refused with it, or it would be stored before the other
      // comes again.
      const bool after_refused =
          message.token && std::ranges::find(refused, message.conn) != refused.end();
      const Taken taken = after_refused ? Taken::full : ingest->message(incoming);
      if (!message.token) continue;
      // A message in the dead letters is kept too: refusing it would only bring it back.
      if (taken == Taken::full) {
        if (!after_refused) refused.push_back(message.conn);
        mqtt->settle(*message.token, Reason::quota_exceeded);
      } else {
        group.push_back(*message.token);
        ++unsettled;
      }
    }
    if (unsettled > most_unsettled) mqtt->pause();
    plan_commit();
  }

  void plan_commit() {
    if (std::exchange(commit_planned, true)) return;
    world.loop().defer([this, living = std::weak_ptr<bool>(alive)] {
      if (!living.expired()) commit_group();
    });
  }

  void commit_group() {
    commit_planned = false;
    refused.clear();
    arm_seal();
    if (group.empty()) {
      commit([] {});
      return;
    }
    commit([this, tokens = std::exchange(group, {}), began = world.loop().now()] {
      commit_seconds->observe(std::chrono::duration<double>(world.loop().now() - began).count());
      for (const engine::Token& token : tokens) mqtt->settle(token, Reason::success);
      unsettled -= tokens.size();
      if (mqtt->paused() && unsettled < most_unsettled / 2) mqtt->resume();
    });
  }

  // `done` once readings and broker state are both on disk.
  void commit(std::function<void()> done) {
    auto guarded = [done = std::move(done), living = std::weak_ptr<bool>(alive)] {
      if (!living.expired()) done();
    };
    if (!sessions->pending()) {
      store->commit(std::move(guarded));
      return;
    }
    sessions->commit([this, guarded = std::move(guarded), living = std::weak_ptr<bool>(alive)] {
      if (!living.expired()) store->commit(guarded);
    });
  }

  void arm_seal() {
    const auto due = store->next_due();
    if (!due || seal_timer != os::TimerId::none) return;
    seal_timer = world.loop().after(
        std::max(*due - world.loop().now(), base::Duration(std::chrono::milliseconds(1))), [this] {
          seal_timer = os::TimerId::none;
          store->seal_due();
          arm_seal();
        });
  }

  // ---- who may come in ----

  void login(net::mqtt::LoginRequest request, std::function<void(engine::Grant)> answer) {
    Credentials c;
    c.name = request.username;
    c.password = request.password;
    c.has_name = request.has_username;
    c.has_password = request.has_password;
    c.loopback = request.facts.loopback;
    c.encrypted = request.facts.encrypted;
    c.common_name = request.facts.common_name;
    c.uris = request.facts.uris;
    c.fallback = request.client_id;
    devices->admit(std::move(c), [request = std::move(request), answer = std::move(answer)](
                                     Result<std::string> device) {
      if (device) return answer({Reason::success, std::move(*device), {}});
      base::log::warn("mqtt", "login refused",
                      {{"from", request.facts.address},
                       {"client_id", request.client_id},
                       {"why", device.error()}});
      answer({device.error().code == base::Code::unavailable ? Reason::server_busy
                                                             : Reason::not_authorized,
              {},
              {}});
    });
  }

  void make_mqtt() {
    net::mqtt::Hooks hooks;
    hooks.login = [this](net::mqtt::LoginRequest request,
                         std::function<void(engine::Grant)> answer) {
      login(std::move(request), std::move(answer));
    };
    hooks.arrived = [this](std::span<const engine::Arrived> messages) { arrived(messages); };
    hooks.persist = [this](base::BytesView records, std::uint32_t) {
      sessions->append(records);
      plan_commit();
    };
    hooks.persisted = [this](std::function<void()> then) {
      sessions->when_durable(std::move(then));
    };
    hooks.ended = [](std::string_view address, std::string_view why, bool error) {
      if (error) base::log::info("mqtt", "connection ended", {{"from", address}, {"why", why}});
    };
    mqtt = std::make_unique<net::mqtt::Server>(world, config.broker, engine::Access{}, std::move(hooks));
  }

  // ---- identity and the cloud ----

  Result<std::shared_ptr<os::Tls>> listener_tls() {
    os::TlsConfig tls;
    tls.certificate = identity->certificate;
    tls.key = identity->key;
    tls.trusted = identity->authority;
    if (!config.device_ca.empty()) {
      const std::size_t slash = config.device_ca.rfind('/');
      auto dir = TRY(world.directory(
          slash == std::string::npos ? "." : config.device_ca.substr(0, slash), false));
      const base::Bytes extra = TRY(os::read_file(
          *dir, slash == std::string::npos ? config.device_ca : config.device_ca.substr(slash + 1),
          1 << 20));
      tls.trusted += base::as_text(extra);
    }
    using Want = os::TlsConfig::PeerCertificate;
    tls.peer = config.device_certificates == "required"   ? Want::required
               : config.device_certificates == "optional" ? Want::optional
                                                          : Want::none;
    tls.chacha20_only = config.chacha20_only;
    return world.network().server_tls(tls);
  }

  Result<void> start_with_identity() {
    const auto tls = TRY(base::while_doing("TLS", listener_tls()));
    for (const std::string& at : config.mqtt_tls_listen) {
      const auto port = TRY(base::while_doing("listen on " + at,
                                              mqtt->listen(TRY(os::parse_endpoint(at)), tls)));
      if (mqtt_tls_port == 0) mqtt_tls_port = port;
    }
    for (const std::string& at : config.http_tls_listen)
      TRY(base::while_doing("listen on " + at, http->listen(TRY(os::parse_endpoint(at)), tls)));
    if (!config.uplink_enabled) return {};
    os::TlsConfig up;
    up.certificate = identity->certificate;
    up.key = identity->key;
    up.trusted = identity->authority;
    up.tls13_only = true;
    up.chacha20_only = config.chacha20_only;
    UplinkConfig to;
    to.node = identity->name;
    to.cloud = TRY(os::parse_endpoint(config.cloud.empty() ? identity->cloud_mqtt : config.cloud));
    to.tls = TRY(base::while_doing("uplink TLS", world.network().client_tls(up)));
    to.limits = config.forward;
    uplink = std::make_unique<Uplink>(world, *store, metrics, std::move(to));
    uplink->start();
    return {};
  }

  // A node that has not joined looks again now and then, so that joining needs no restart.
  void await_identity() {
    identity_timer = world.loop().after(identity_poll, [this] {
      auto loaded = identity::load(world, config.state);
      if (!loaded) base::log::error("identity", "cannot be used", {{"why", loaded.error()}});
      if (!loaded || !*loaded) return await_identity();
      identity = std::move(**loaded);
      base::log::info("identity", "joined", {{"name", identity->name}});
      if (const auto up = start_with_identity(); !up)
        base::log::error("identity", "joined, but cannot start", {{"why", up.error()}});
    });
  }

  // ---- seen from outside ----

  std::string status_json() const {
    const store::StoreStats s = store->stats();
    base::JsonWriter json;
    json.begin_object()
        .field("name", name())
        .field("joined", identity.has_value())
        .field("uplink_connected", uplink != nullptr && uplink->stats().connected)
        .field("uptime_seconds",
               std::chrono::duration<double>(world.loop().now() - started).count())
        .field("connections", mqtt->stats().connections)
        .field("series", s.series)
        .field("readings", s.readings_added)
        .field("duplicates", s.readings_duplicate)
        .field("readings_open", s.readings_open)
        .field("blocks_sealed", s.blocks_sealed)
        .field("frame_bytes", s.frame_bytes)
        .field("blocks_undelivered", s.blocks_undelivered)
        .field("bytes_undelivered", s.bytes_undelivered)
        .field("blocks_dropped", s.blocks_dropped)
        .field("backlog_seconds", backlog_seconds(s))
        .field("dead_letters", dead_letters->count())
        .field("journal_bytes", s.journal.bytes)
        .field("block_log_bytes", s.blocks.bytes)
        .end_object();
    return json.take();
  }

  double backlog_seconds(const store::StoreStats& s) const {
    if (s.blocks_undelivered == 0 || s.oldest_undelivered.ns == 0) return 0;
    return std::chrono::duration<double>(world.loop().wall_now() - s.oldest_undelivered).count();
  }

  Result<void> ready() const {
    const store::StoreStats s = store->stats();
    if (s.journal.full || s.blocks.full)
      return base::fail(base::Code::exhausted, "the store is full");
    return {};
  }

  void make_metrics();
  void make_http();
};

void Node::State::make_metrics() {
  commit_seconds = &metrics.histogram("selvedge_commit_seconds",
                                      "From a group of messages to its place on disk.",
                                      base::latency_bounds());
  const auto gauge = [this](const char* metric, const char* help, auto read) {
    metrics.gauge_from(metric, help,
                       [this, read] { return static_cast<double>(read(store->stats())); });
  };
  const auto counter = [this](const char* metric, const char* help, auto read) {
    metrics.counter_from(metric, help,
                         [this, read] { return static_cast<double>(read(store->stats())); });
  };
  using S = const store::StoreStats&;
  gauge("selvedge_store_series", "Series known.", [](S s) { return s.series; });
  gauge("selvedge_store_open_readings", "Readings in open columns.", [](S s) { return s.readings_open; });
  gauge("selvedge_store_memory_bytes", "Memory of open columns.", [](S s) { return s.memory_bytes; });
  gauge("selvedge_store_undelivered_bytes", "Blocks not yet acknowledged by the cloud.",
        [](S s) { return s.bytes_undelivered; });
  gauge("selvedge_store_undelivered_blocks", "Blocks not yet acknowledged by the cloud.",
        [](S s) { return s.blocks_undelivered; });
  gauge("selvedge_store_journal_bytes", "Journal on disk.", [](S s) { return s.journal.bytes; });
  gauge("selvedge_store_block_bytes", "Block log on disk.", [](S s) { return s.blocks.bytes; });
  gauge("selvedge_store_full", "1 while new readings are refused.",
        [](S s) { return s.journal.full || s.blocks.full ? 1 : 0; });
  gauge("selvedge_store_last_sync_seconds", "Duration of the journal's last fdatasync.",
        [](S s) { return std::chrono::duration<double>(s.journal.last_sync).count(); });
  counter("selvedge_blocks_sealed_total", "Blocks sealed.", [](S s) { return s.blocks_sealed; });
  counter("selvedge_frame_bytes_total", "Bytes of sealed blocks.", [](S s) { return s.frame_bytes; });
  counter("selvedge_blocks_dropped_total", "Undelivered blocks dropped because the store was full.",
          [](S s) { return s.blocks_dropped; });
  counter("selvedge_store_commit_failures_total", "Writes or syncs that failed and were repeated.",
          [](S s) { return s.journal.commit_failures + s.blocks.commit_failures; });
  metrics.gauge_from("selvedge_backlog_seconds", "Age of the oldest block the cloud has not acknowledged.",
                     [this] { return backlog_seconds(store->stats()); });
  metrics.gauge_from("selvedge_mqtt_connections", "Connections open.",
                     [this] { return static_cast<double>(mqtt->stats().connections); });
  metrics.gauge_from("selvedge_mqtt_sessions", "Sessions kept.",
                     [this] { return static_cast<double>(mqtt->stats().sessions); });
  metrics.gauge_from("selvedge_mqtt_queued_bytes", "Messages waiting for sessions.",
                     [this] { return static_cast<double>(mqtt->stats().queued_bytes); });
  metrics.counter_from("selvedge_mqtt_publishes_received_total", "Publishes from clients.",
                       [this] { return static_cast<double>(mqtt->stats().publishes_received); });
  metrics.counter_from("selvedge_mqtt_publishes_sent_total", "Publishes to subscribers.",
                       [this] { return static_cast<double>(mqtt->stats().publishes_sent); });
  const auto dropped = [this](const char* reason, std::uint64_t engine::BrokerStats::* field) {
    metrics.counter_from("selvedge_mqtt_dropped_total", "Messages not delivered to a subscriber.",
                         [this, field] { return static_cast<double>(mqtt->stats().*field); },
                         {{"reason", reason}});
  };
  dropped("slow", &engine::BrokerStats::dropped_slow);
  dropped("full", &engine::BrokerStats::dropped_full);
  dropped("expired", &engine::BrokerStats::dropped_expired);
  metrics.counter_from("selvedge_mqtt_protocol_errors_total", "Connections ended for an error.",
                       [this] { return static_cast<double>(mqtt->stats().protocol_errors); });
  metrics.counter_from("selvedge_mqtt_refused_logins_total", "Logins refused.",
                       [this] { return static_cast<double>(mqtt->stats().refused_logins); });
}

void Node::State::make_http() {
  api = std::make_unique<ApiContext>(ApiContext{
      world, *store, *ingest, *devices, *dead_letters, *mqtt, metrics, name(),
      [this](std::function<void()> done) {
        arm_seal();
        commit(std::move(done));
      },
      [this] { return status_json(); }, [this] { return ready(); }});
  http = std::make_unique<net::http::Server>(world, net::http::ServerLimits{});
  add_ingest_routes(*http, *api);
  add_query_routes(*http, *api);
  add_device_routes(*http, *api);
  add_health_routes(*http, *api);
  if (!config.websocket_path.empty())
    http->websocket(config.websocket_path, "mqtt",
                    [this](std::unique_ptr<os::Stream> stream, const net::http::Request&,
                           base::Bytes early) {
                      mqtt->adopt(net::http::websocket_stream(
                          world, std::move(stream), codec::websocket::Role::server, std::move(early)), {});
                    });
}

Node::Node(std::unique_ptr<State> state) : state_(std::move(state)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::create(os::World& world, const NodeConfig& config) {
  auto state = std::make_unique<State>(world, config);
  State& s = *state;
  s.started = world.loop().now();
  s.identity = TRY(identity::load(world, config.state));
  s.store = TRY(base::while_doing("store",
                                  store::ReadingStore::open(world, config.state + "/store", config.store)));
  s.dead_letters = TRY(DeadLetters::open(world, config.state, config.dead_letters.bytes, s.metrics));
  s.devices = TRY(Devices::open(world, config.state, config.anonymous_loopback));
  s.sessions = TRY(base::while_doing("sessions", SessionLog::open(world, config.state)));
  s.ingest = std::make_unique<Ingest>(
      world, *s.store, *s.dead_letters, *s.devices, TRY(engine::TopicMap::create(TRY(config.topic_rules()))), s.metrics);
  s.make_mqtt();
  TRY(base::while_doing("sessions", s.mqtt->restore(s.sessions->take_records())));
  s.sessions->set_snapshot([&s](base::Bytes& records) { s.mqtt->snapshot(records); });
  s.make_metrics();
  s.make_http();
  s.store->on_dropped([&s](model::BlockSeq first) {
    if (s.uplink) s.uplink->dropped_before(first);
  });
  s.store->on_sealed([&s](model::BlockSeq seq, std::size_t bytes) {
    if (s.uplink) s.uplink->sealed(seq, bytes);
  });
  return std::unique_ptr<Node>(new Node(std::move(state)));
}

Result<void> Node::start() {
  State& s = *state_;
  for (const std::string& at : s.config.mqtt_listen) {
    const os::Endpoint endpoint = TRY(os::parse_endpoint(at));
    const auto port = TRY(base::while_doing("listen on " + at, s.mqtt->listen(endpoint, nullptr)));
    if (s.mqtt_port == 0) s.mqtt_port = port;
  }
  for (const std::string& at : s.config.http_listen) {
    const os::Endpoint endpoint = TRY(os::parse_endpoint(at));
    const auto port = TRY(base::while_doing("listen on " + at, s.http->listen(endpoint, nullptr)));
    if (s.http_port == 0) s.http_port = port;
  }
  if (s.identity) TRY(s.start_with_identity());
  else s.await_identity();
  for (const PullConfig& pull : s.config.pulls) {
    os::TlsConfig tls;   // trusts the system's CAs
    s.pulls.push_back(std::make_unique<Pull>(s.world, *s.ingest, s.metrics, pull,
                                             TRY(s.world.network().client_tls(tls)),
                                             [&s] { s.plan_commit(); }));
    s.pulls.back()->start();
  }
  s.arm_seal();
  const store::StoreStats stats = s.store->stats();
  base::log::info("node", "ready",
                  {{"name", s.name()},
                   {"mqtt", s.mqtt_port},
                   {"mqtts", s.mqtt_tls_port},
                   {"http", s.http_port},
                   {"undelivered_blocks", stats.blocks_undelivered},
                   {"after", s.world.loop().now() - s.started}});
  return {};
}

void Node::stop(std::function<void()> done) {
  State& s = *state_;
  s.pulls.clear();
  // The devices first: what they sent is committed and acknowledged before they are told goodbye.
  s.mqtt->pause();
  s.commit([&s, done = std::move(done)] {
    s.world.loop().defer([&s, done] {
      s.mqtt->close([&s, done] {
        s.http->close([&s, done] {
          if (s.uplink) s.uplink->stop();
          s.store->close(done);
        });
      });
    });
  });
}

std::uint16_t Node::mqtt_port() const { return state_->mqtt_port; }
std::uint16_t Node::mqtt_tls_port() const { return state_->mqtt_tls_port; }
std::uint16_t Node::http_port() const { return state_->http_port; }
store::ReadingStore& Node::store() { return *state_->store; }
base::Registry& Node::metrics() { return state_->metrics; }

}  // namespace selvedge::node
