// Server and client together: on real sockets with TLS, and on a simulated network that fails.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "crypto/crypto.h"
#include "net/http/http.h"
#include "os/fake/simulation.h"

namespace selvedge::net::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

void add_routes(Server& server, os::World& world) {
  server.route("GET", "/hello", [](Request, Respond respond) { respond(Response::text("hi")); });
  server.route("GET", "/slow", [&world](Request, Respond respond) {
    world.loop().after(5ms, [respond] { respond(Response::text("hi")); });
  });
  server.route("GET", "/never", [&world](Request, Respond respond) {
    world.loop().after(1h, [respond] { respond(Response::text("late")); });
  });
  server.route("POST", "/size", [](Request request, Respond respond) {
    respond(Response::text(std::to_string(request.body.size())));
  });
  server.route("GET", "/big", [](Request, Respond respond) {
    respond(Response::text(std::string(5'000'000, 'x')));
  });
  server.route("GET", "/peer", [](Request request, Respond respond) {
    respond(Response::text(request.peer->encrypted ? request.peer->common_name : "plain"));
  });
}

std::vector<Fetch> gets(const std::string& url, std::size_t count) {
  std::vector<Fetch> all(count);
  for (Fetch& fetch : all) fetch.url = url;
  return all;
}

using Results = std::vector<base::Result<Fetched>>;

std::size_t right(const Results& results, std::string_view body) {
  std::size_t n = 0;
  for (const auto& result : results) n += result && result->body == body;
  return n;
}

// ---- real sockets ----

class HttpOnRealSockets : public testing::Test {
 protected:
  Results fetch(Client& client, std::vector<Fetch> what) {
    Results all;
    fetch_all(client, std::move(what), [&](Results results) {
      all = std::move(results);
      world->stop();
    });
    world->run({});
    return all;
  }

  std::unique_ptr<os::RealWorld> world = std::move(os::RealWorld::create().value());
};

TEST_F(HttpOnRealSockets, FetchesManyAtOnce) {
  Server server(*world, {});
  add_routes(server, *world);
  const auto port = server.listen({"127.0.0.1", 0}, nullptr);
  ASSERT_TRUE(port);
  const std::string url = "http://127.0.0.1:" + std::to_string(*port);
  Client client(*world, {}, nullptr);
  EXPECT_EQ(right(fetch(client, gets(url + "/slow", 300)), "hi"), 300U);
  EXPECT_LE(client.stats().connections, 300U);
  EXPECT_EQ(right(fetch(client, gets(url + "/hello", 100)), "hi"), 100U);
  EXPECT_GT(client.stats().reused, 0U);
  const Results big = fetch(client, gets(url + "/big", 3));
  EXPECT_EQ(right(big, std::string(5'000'000, 'x')), 3U);
  EXPECT_EQ(server.stats().requests, 403U);
  EXPECT_EQ(server.stats().bad_requests, 0U);
}

TEST_F(HttpOnRealSockets, SaysThatNobodyListens) {
  std::uint16_t port = 0;
  {
    Server server(*world, {});
    port = server.listen({"127.0.0.1", 0}, nullptr).value();
  }
  Client client(*world, {}, nullptr);
  const Results results = fetch(client, gets("http://127.0.0.1:" + std::to_string(port) + "/", 1));
  ASSERT_FALSE(results[0]);
  EXPECT_EQ(results[0].error().code, base::Code::unavailable);
  EXPECT_THAT(results[0].error().message, HasSubstr("connect: "));
}

TEST_F(HttpOnRealSockets, SpeaksTlsAndChecksWhoAnswers) {
  const base::Time now = world->loop().wall_now();
  const auto authority = crypto::make_authority("Test", now, 24h).value();
  const auto identity = [&](crypto::Role role, std::vector<std::string> hosts) {
    const std::string key = crypto::make_key().value();
    const std::string csr = crypto::make_csr(key, "x").value();
    os::TlsConfig config;
    config.key = key;
    config.trusted = authority.certificate;
    config.certificate = crypto::issue(authority, csr,
                                       {.role = role,
                                        .name = "node-7",
                                        .hosts = std::move(hosts),
                                        .not_before = now,
                                        .valid = 1h})
                             .value();
    return config;
  };
  const auto server_tls =
      world->network().server_tls(identity(crypto::Role::cloud, {"localhost"})).value();
  const auto client_tls = world->network().client_tls(identity(crypto::Role::node, {})).value();

  Server server(*world, {});
  add_routes(server, *world);
  const auto port = server.listen({"127.0.0.1", 0}, server_tls);
  ASSERT_TRUE(port);
  Client client(*world, {}, client_tls);
  const std::string at = ":" + std::to_string(*port);
  EXPECT_EQ(right(fetch(client, gets("https://localhost" + at + "/peer", 20)), "node-7"), 20U);
  const Results big = fetch(client, gets("https://localhost" + at + "/big", 2));
  EXPECT_EQ(right(big, std::string(5'000'000, 'x')), 2U);

  const Results wrong_name = fetch(client, gets("https://127.0.0.1" + at + "/peer", 1));
  ASSERT_FALSE(wrong_name[0]);
  const Results no_tls = fetch(client, gets("http://localhost" + at + "/peer", 1));
  EXPECT_FALSE(no_tls[0]);
}

// ---- a simulated network ----

class HttpOnABadNetwork : public testing::TestWithParam<std::uint64_t> {
 protected:
  HttpOnABadNetwork() {
    sim.set_fragmentation(0.5);
    start_server();
    client = std::make_unique<Client>(near, ClientLimits{}, nullptr);
  }
  void start_server() {
    server = std::make_unique<Server>(far, ServerLimits{});
    add_routes(*server, far);
    ASSERT_TRUE(server->listen({"", 80}, nullptr));
  }
  void start_fetch(std::vector<Fetch> what) {
    results.reset();
    fetch_all(*client, std::move(what), [this](Results all) { results = std::move(all); });
  }
  bool finish() {
    return sim.run_until([this] { return results.has_value(); }, 5min);
  }

  os::fake::Simulation sim{GetParam()};
  os::fake::Machine& far = sim.machine("far");
  os::fake::Machine& near = sim.machine("near");
  std::unique_ptr<Server> server;
  std::unique_ptr<Client> client;
  std::optional<Results> results;
};

TEST_P(HttpOnABadNetwork, FetchesThroughFragments) {
  start_fetch(gets("http://far/slow", 50));
  ASSERT_TRUE(finish());
  EXPECT_EQ(right(*results, "hi"), 50U);
  Fetch upload{.method = "POST", .url = "http://far/size", .headers = {}, .body = {}};
  upload.body.assign(300'000, 'u');
  start_fetch({upload, upload});
  ASSERT_TRUE(finish());
  EXPECT_EQ(right(*results, "300000"), 2U);
}

TEST_P(HttpOnABadNetwork, TimesOutWhenTheLinkFallsSilentAndRecovers) {
  start_fetch(gets("http://far/hello", 3));
  ASSERT_TRUE(finish());
  sim.link("far", "near").cut(os::fake::Cut::silent);
  const base::Instant before = sim.now();
  start_fetch(gets("http://far/hello", 3));
  ASSERT_TRUE(finish());
  EXPECT_EQ(right(*results, "hi"), 0U);
  EXPECT_GE(sim.now() - before, 10s);
  EXPECT_LT(sim.now() - before, 11s);
  sim.link("far", "near").mend();
  start_fetch(gets("http://far/hello", 3));
  ASSERT_TRUE(finish());
  EXPECT_EQ(right(*results, "hi"), 3U);
}

TEST_P(HttpOnABadNetwork, RetriesOnANewConnectionWhenTheServerCameBack) {
  start_fetch(gets("http://far/hello", 3));
  ASSERT_TRUE(finish());
  far.on_crash([this] { server.reset(); });
  far.crash();
  sim.run_for(1s);
  if (!far.alive()) far.restart();
  start_server();
  start_fetch(gets("http://far/hello", 3));
  ASSERT_TRUE(finish());
  EXPECT_EQ(right(*results, "hi"), 3U);
}

TEST_P(HttpOnABadNetwork, ClosesWhatASilentClientLeavesBehind) {
  start_fetch(gets("http://far/hello", 5));
  ASSERT_TRUE(finish());
  EXPECT_EQ(server->stats().open, 5U);
  sim.link("far", "near").forget_connections();
  sim.run_for(2min);
  EXPECT_EQ(server->stats().open, 0U);
}

TEST_P(HttpOnABadNetwork, FinishesRunningRequestsBeforeItCloses) {
  start_fetch(gets("http://far/slow", 5));
  ASSERT_TRUE(sim.run_until([this] { return server->stats().requests == 5; }, 1min));
  bool closed = false;
  server->close([&] { closed = true; });
  ASSERT_TRUE(finish());
  EXPECT_EQ(right(*results, "hi"), 5U);
  EXPECT_TRUE(sim.run_until([&] { return closed; }, 1min));
  start_fetch(gets("http://far/slow", 1));
  ASSERT_TRUE(finish());
  EXPECT_EQ(right(*results, "hi"), 0U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, HttpOnABadNetwork, testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace selvedge::net::http
