#include "node/node.h"

#include <unistd.h>

#include <utility>

#include "base/log.h"
#include "net/http/websocket_stream.h"
#include "node/anomaly_models.h"
#include "node/state.h"

namespace selvedge::node {

using base::Result;

namespace {

std::string machine_name() {
  char buffer[256] = {};
  if (gethostname(buffer, sizeof buffer - 1) != 0) return "node";
  return buffer;
}

}  // namespace

Node::State::~State() {
  world.loop().cancel(seal_timer);
  world.loop().cancel(identity_timer);
}

std::string Node::State::name() const {
  if (!config.name.empty()) return config.name;
  return identity ? identity->name : machine_name();
}

Result<void> Node::State::open_artifacts() {
  ArtifactsConfig to;
  to.state = config.state;
  to.limits = {config.artifacts_budget.bytes, config.artifacts_keep_free.bytes};
  to.fetch.parallel = config.artifacts_parallel;
  to.fetch.bytes_per_second = config.artifacts_rate.bytes;
  to.trust = {config.artifacts_root, config.device_types};
  artifacts = TRY(Artifacts::open(world, std::move(to), metrics));
  return {};
}

store::StoreLimits Node::State::store_limits(const NodeConfig& of) const {
  store::StoreLimits limits = of.store;
  limits.policy = [this](const model::SeriesDef& series) {
    return anomalies->is_derived(series.id) ? store::SeriesPolicy{} : aggregates->policy(series);
  };
  return limits;
}

Result<void> Node::State::open_store() {
  aggregates = std::make_unique<Aggregates>(world, metrics, TRY(config.aggregate_rules()));
  anomalies = std::make_unique<Anomalies>(world, metrics, TRY(config.anomaly_rules()));
  followers = std::make_unique<Followers>(*aggregates, *anomalies);
  store = TRY(base::while_doing("store", store::ReadingStore::open(world, config.state + "/store",
                                                                   store_limits(config), followers.get())));
  return {};
}

void Node::State::make_http() {
  api = std::make_unique<ApiContext>(ApiContext{
      world, *store, *ingest, *devices, *dead_letters, *mqtt, metrics, name(),
      [this](std::function<void()> done) {
        arm_seal();
        commit(std::move(done));
      },
      [this] { return status_json(); }, [this] { return ready(); }});
  api->identify = [this](const net::http::Request& request, auto answer) {
    identify(request, std::move(answer));
  };
  api->audit = [this](const net::api::Caller& who, net::api::Change what) {
    audit(who, std::move(what));
  };
  api->audit_first = [this](const net::api::Caller& who, net::api::Change what, auto then) {
    audit_first(who, std::move(what), std::move(then));
  };
  http = std::make_unique<net::http::Server>(world, net::http::ServerLimits{});
  add_ingest_routes(*http, *api);
  add_query_routes(*http, *api);
  add_device_routes(*http, *api);
  add_health_routes(*http, *api);
  add_wish_routes();
  trail->add_routes(*http, api->identify);
  artifacts->add_routes(*http, api->identify, api->audit);
  add_model_routes();
  add_camera_routes();
  tasks->add_routes(*http, api->identify, api->audit);
  add_site_routes();
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

Result<std::unique_ptr<Node>> Node::create(os::World& world, const NodeConfig& given) {
  auto state = std::make_unique<State>(world, given);
  State& s = *state;
  s.started = world.loop().now();
  TRY(s.restore_settings());
  const NodeConfig& config = s.config;
  s.identity = TRY(identity::load(world, config.state));
  TRY(s.open_store());
  s.dead_letters = TRY(DeadLetters::open(world, config.state, config.dead_letters.bytes, s.metrics));
  s.devices = TRY(Devices::open(world, config.state, config.anonymous_loopback));
  s.devices->limit_wrong({.burst = config.wrong_passwords, .refill = config.wrong_passwords_refill, .sources = 4096});
  TRY(s.open_access());
  TRY(s.open_artifacts());
  TRY(s.open_models());
  s.sessions = TRY(base::while_doing("sessions", SessionLog::open(world, config.state)));
  s.ingest = std::make_unique<Ingest>(
      world, *s.store, *s.dead_letters, *s.devices, TRY(engine::TopicMap::create(TRY(config.topic_rules()))), s.metrics);
  s.ingest->aggregate(*s.aggregates);
  s.ingest->watch(*s.anomalies);
  s.make_mqtt();
  TRY(s.open_twins());
  TRY(base::while_doing("sessions", s.mqtt->restore(s.sessions->take_records())));
  s.sessions->set_snapshot([&s](base::Bytes& records) { s.mqtt->snapshot(records); });
  TRY(s.open_cameras());
  TRY(s.open_reconciler());
  TRY(s.open_tasks());
  s.make_metrics();
  s.make_http();
  s.add_twin_routes();
  s.store->on_dropped([&s](model::BlockSeq first) {
    if (s.uplink) s.uplink->dropped_before(first);
  });
  s.store->on_sealed([&s](model::BlockSeq seq, std::size_t bytes) {
    if (s.uplink) s.uplink->sealed(seq, bytes);
  });
  s.aggregates->attach(*s.store, [&s] { s.plan_commit(); });
  s.aggregates->on_note([&s] { s.anomalies->before_note(); }, [&s](base::Time now) { s.anomalies->time_noted(now); });
  s.anomalies->on_note([&s](base::Time now) { s.aggregates->time_noted(now); });
  s.anomalies->set_models(asking(*s.models));
  s.anomalies->attach(*s.store, [&s] { s.plan_commit(); });
  return std::unique_ptr<Node>(new Node(std::move(state)));
}

Result<void> Node::start() {
  State& s = *state_;
  s.start_reconciler();
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
  s.cameras->start();
  s.tasks->start();
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
  s.cameras->stop();
  // Tasks first: those that end with the node may still say something.
  s.tasks->stop([&s, done = std::move(done)] {
    if (s.site) s.site->stop();
    s.stop_rest(done);
  });
}

void Node::State::stop_rest(std::function<void()> done) {
  State& s = *this;
  // The devices first: what they sent is committed and acknowledged before they are told goodbye.
  s.mqtt->pause();
  s.commit([&s, done = std::move(done)] {
    s.world.loop().defer([&s, done] {
      s.mqtt->close([&s, done] {
        s.http->close([&s, done] {
          s.twin_api.reset();   // its WebSockets are not the server's
          if (s.uplink) s.uplink->stop();
          s.twins->close([&s, done] {
            s.trail->close([&s, done] {
              s.aggregates->stop();
              s.anomalies->stop();
              s.store->close(done);
            });
          });
        });
      });
    });
  });
}

std::uint16_t Node::mqtt_port() const { return state_->mqtt_port; }
std::uint16_t Node::mqtt_tls_port() const { return state_->mqtt_tls_port; }
std::uint16_t Node::http_port() const { return state_->http_port; }
store::ReadingStore& Node::store() { return *state_->store; }
store::TwinStore& Node::twins() { return state_->twins->store(); }
serving::Models& Node::models() { return *state_->models; }
base::Registry& Node::metrics() { return state_->metrics; }

}  // namespace selvedge::node
