// The client against servers that the test plays: each way an answer can fail to come, and what
// the pool does with connections.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "net/http/http.h"
#include "net/http/test_world.h"

namespace selvedge::net::http {
namespace {

using namespace std::chrono_literals;
using base::Code;
using test::TestWorld;
using test::Wire;
using testing::HasSubstr;
using testing::StartsWith;

using Answer = std::optional<base::Result<Fetched>>;

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

class HttpClient : public testing::Test {
 protected:
  void start(ClientLimits limits = {}) {
    client = std::make_unique<Client>(world, limits, nullptr);
  }

  // A fetch whose result appears in *answer.
  std::shared_ptr<Answer> fetch(Fetch what) {
    auto answer = std::make_shared<Answer>();
    client->fetch(std::move(what), [answer](base::Result<Fetched> result) {
      EXPECT_FALSE(answer->has_value()) << "answered twice";
      *answer = std::move(result);
    });
    EXPECT_FALSE(answer->has_value()) << "answered within the call";
    return answer;
  }
  std::shared_ptr<Answer> get(std::string url = "http://server/a") {
    return fetch({.method = "GET", .url = std::move(url), .headers = {}, .body = {}});
  }

  std::shared_ptr<Wire> wire(std::size_t i = 0) {
    if (i >= world.dialed.size()) {
      ADD_FAILURE() << "no connection number " << i;
      return std::make_shared<Wire>();
    }
    return world.dialed[i];
  }

  TestWorld world;
  std::unique_ptr<Client> client;
};

std::string text_of(const Answer& answer) {
  if (!answer) return "pending";
  if (!*answer) {
    return std::string(base::name((*answer).error().code)) + ": " + (*answer).error().message;
  }
  return std::to_string((*answer)->status) + " " + (*answer)->body;
}

TEST_F(HttpClient, SendsAWholeRequest) {
  start();
  const auto answer = fetch({.method = "POST",
                             .url = "http://Server.example:8080/a%20b?x=1#part",
                             .headers = {{"Content-Type", "text/plain"}},
                             .body = "body"});
  EXPECT_EQ(wire()->to.host, "server.example");
  EXPECT_EQ(wire()->to.port, 8080);
  EXPECT_EQ(wire()->sent, "");
  wire()->open();
  EXPECT_EQ(wire()->sent,
            "POST /a%20b?x=1 HTTP/1.1\r\nHost: server.example:8080\r\nUser-Agent: selvedge\r\n"
            "Accept: */*\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody");
  world.advance(250ms);
  wire()->receive("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nX-Name: v\r\n\r\n");
  ASSERT_EQ(text_of(*answer), "201 ");
  EXPECT_EQ((**answer)->header("x-name"), "v");
  EXPECT_EQ((**answer)->took, 250ms);
}

struct Case {
  const char* what;
  std::string bytes;
  bool close;          // the server closes behind them
  const char* answer;  // begins so
};

const std::vector<Case>& answers() {
  static const std::vector<Case> cases{
      {"length", ok, false, "200 hi"},
      {"chunks",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;a=b\r\ni\r\n0\r\nT: "
       "v\r\n\r\n",
       false, "200 hi"},
      {"until close", "HTTP/1.1 200 OK\r\n\r\nhi", true, "200 hi"},
      {"until close, empty", "HTTP/1.0 200 OK\r\n\r\n", true, "200 "},
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n", false, "204 "},
      {"not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", false, "304 "},
      {"redirect is not followed",
       "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n", false, "302 "},
      {"server error is an answer", "HTTP/1.1 500 Oops\r\nContent-Length: 1\r\n\r\nx", false,
       "500 x"},
      {"interim responses", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n" + ok,
       false, "200 hi"},
      {"closed before a word", "", true,
       "unavailable: GET http://server/a: no response: closed by"},
      {"closed in the head", "HTTP/1.1 200 OK\r\nCont", true,
       "unavailable: GET http://server/a: the response is cut short"},
      {"closed in the body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", true,
       "unavailable: GET http://server/a: the response is cut short"},
      {"closed between chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
       true, "unavailable: GET http://server/a: the response is cut short"},
      {"closed after an interim response", "HTTP/1.1 100 Continue\r\n\r\n", true,
       "unavailable: GET http://server/a: the response is cut short"},
      {"announced too large", "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", false,
       "exhausted: GET http://server/a: the response's body is larger than 100 bytes"},
      {"too large in chunks",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n" + std::string(80, 'x') +
           "\r\n50\r\n",
       false, "exhausted: "},
      {"too large without a length", "HTTP/1.1 200 OK\r\n\r\n" + std::string(101, 'x'), false,
       "exhausted: "},
      {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n\r\n", false, "corrupt: GET http://server/a: "},
      {"bad length", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", false, "corrupt: "},
      {"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false,
       "corrupt: "},
      {"endless head", "HTTP/1.1 200 OK\r\nA: " + std::string(70'000, 'x'), false, "corrupt: "},
      {"unasked upgrade", "HTTP/1.1 101 Switching Protocols\r\n\r\n", false, "corrupt: "},
      {"nothing but empty lines", "\r\n\r\n", true, "unavailable: "},
  };
  return cases;
}

TEST_F(HttpClient, TakesOrRefusesEachAnswerAsItShould) {
  for (const Case& c : answers()) {
    ClientLimits limits;
    limits.body_bytes = 100;
    world.dialed.clear();
    start(limits);
    const auto answer = get();
    wire()->open();
    wire()->receive(c.bytes);
    if (c.close) wire()->close();
    EXPECT_THAT(text_of(*answer), StartsWith(c.answer)) << c.what;
  }
}

TEST_F(HttpClient, AnswersTheSameWhereverTheBytesAreCut) {
  for (const Case& c : answers()) {
    if (c.bytes.size() > 1000) continue;
    for (std::size_t cut = 0; cut <= c.bytes.size(); ++cut) {
      ClientLimits limits;
      limits.body_bytes = 100;
      world.dialed.clear();
      start(limits);
      const auto answer = get();
      wire()->open();
      // The last value of `cut` means byte by byte.
      const bool bytewise = cut == c.bytes.size();
      for (std::size_t at = 0; at < c.bytes.size();) {
        const std::size_t count = bytewise ? 1 : at < cut ? cut - at : c.bytes.size() - at;
        wire()->receive(c.bytes.substr(at, count));
        at += count;
      }
      if (c.close) wire()->close();
      EXPECT_THAT(text_of(*answer), StartsWith(c.answer)) << c.what << " cut at " << cut;
    }
  }
}

TEST_F(HttpClient, RefusesWhatIsNoRequest) {
  start();
  const std::vector<std::pair<Fetch, const char*>> cases{
      {{.method = "GET", .url = "server/a", .headers = {}, .body = {}}, "no scheme"},
      {{.method = "GET", .url = "ftp://server/", .headers = {}, .body = {}}, "neither http"},
      {{.method = "GET", .url = "https://server/", .headers = {}, .body = {}}, "no TLS"},
      {{.method = "GET", .url = "http:///a", .headers = {}, .body = {}}, "no host"},
      {{.method = "GET", .url = "http://h:0/", .headers = {}, .body = {}}, "port"},
      {{.method = "GET", .url = "http://h:65536/", .headers = {}, .body = {}}, "port"},
      {{.method = "GET", .url = "http://me:secret@h/", .headers = {}, .body = {}}, "passwords"},
      {{.method = "GET", .url = "http://[::1/", .headers = {}, .body = {}}, "bracket"},
      {{.method = "GET", .url = "http://h/a b", .headers = {}, .body = {}}, "escaped"},
      {{.method = "GET", .url = "http://h/\r\nX: y", .headers = {}, .body = {}}, "escaped"},
      {{.method = "GE T", .url = "http://h/", .headers = {}, .body = {}}, "method"},
      {{.method = "GET", .url = "http://h/", .headers = {{"A", "b\r\nC: d"}}, .body = {}},
       "header"},
      {{.method = "GET", .url = "http://h/", .headers = {{"A b", "c"}}, .body = {}}, "header"},
  };
  for (const auto& [what, why] : cases) {
    const auto answer = fetch(what);
    world.advance(0ms);
    EXPECT_THAT(text_of(*answer), StartsWith("invalid_input: ")) << what.url;
    EXPECT_THAT(text_of(*answer), HasSubstr(why)) << what.url;
  }
  EXPECT_TRUE(world.dialed.empty());
}

TEST(HttpUrl, IsTakenApart) {
  const auto v6 = parse_url("http://[FE80::1]:81?x=1");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "fe80::1");
  EXPECT_EQ(v6->port, 81);
  EXPECT_EQ(v6->target, "/?x=1");
  const auto plain = parse_url("HTTPS://Host");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->scheme, "https");
  EXPECT_EQ(plain->port, 443);
  EXPECT_EQ(plain->target, "/");
}

TEST_F(HttpClient, SaysThatAConnectionWasRefused) {
  start();
  const auto answer = get();
  wire()->close({Code::unavailable, "connection refused"});
  EXPECT_EQ(text_of(*answer), "unavailable: GET http://server/a: connect: connection refused");
}

TEST_F(HttpClient, EndsARequestThatTakesTooLong) {
  ClientLimits limits;
  limits.timeout = 2s;
  start(limits);
  const auto unopened = get("http://a/"), silent = get("http://b/"), drip = get("http://c/");
  wire(1)->open();
  wire(2)->open();
  for (int i = 0; i < 4; ++i) {
    wire(2)->receive(ok.substr(static_cast<std::size_t>(i), 1));
    world.advance(499ms);
    EXPECT_EQ(text_of(*drip), "pending");
  }
  world.advance(10ms);
  for (const auto& answer : {unopened, silent, drip}) {
    EXPECT_THAT(text_of(*answer), StartsWith("unavailable: GET http://"));
    EXPECT_THAT(text_of(*answer), HasSubstr("within 2s"));
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(wire(i)->gone);
}

TEST_F(HttpClient, KeepsConnectionsAndUsesThemAgain) {
  start();
  for (int i = 0; i < 5; ++i) {
    const auto answer = get();
    if (i == 0) wire()->open();
    wire()->receive(ok);
    EXPECT_EQ(text_of(*answer), "200 hi");
  }
  EXPECT_EQ(client->stats().connections, 1U);
  EXPECT_EQ(client->stats().reused, 4U);
  get("http://other/");
  get("http://server:81/");
  EXPECT_EQ(client->stats().connections, 3U);
}

TEST_F(HttpClient, DropsAConnectionThatCannotServeAgain) {
  const std::vector<std::string> cases{
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
      "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      ok + "and more",
  };
  for (const std::string& bytes : cases) {
    world.dialed.clear();
    start();
    const auto answer = get();
    wire()->open();
    wire()->receive(bytes);
    EXPECT_EQ(text_of(*answer), "200 hi");
    EXPECT_TRUE(wire()->gone) << bytes;
  }
  world.dialed.clear();
  start();
  const auto answer = get();
  wire()->open();
  wire()->receive(ok);
  wire()->receive("HTTP/1.1 408 Request Timeout\r\n");  // nobody asked
  EXPECT_TRUE(wire()->gone);
}

TEST_F(HttpClient, ClosesConnectionsThatAreIdleTooLong) {
  ClientLimits limits;
  limits.idle_timeout = 5s;
  start(limits);
  get("http://a/");
  get("http://b/");
  wire(0)->open();
  wire(0)->receive(ok);
  world.advance(3s);
  wire(1)->open();
  wire(1)->receive(ok);
  world.advance(3s);
  EXPECT_TRUE(wire(0)->gone);
  EXPECT_FALSE(wire(1)->gone);
  world.advance(5s);
  EXPECT_TRUE(wire(1)->gone);
}

TEST_F(HttpClient, SendsAgainWhatAStaleConnectionLost) {
  start();
  get();
  wire(0)->open();
  wire(0)->receive(ok);
  const auto answer = get();
  wire(0)->close();
  ASSERT_EQ(world.dialed.size(), 2U);
  wire(1)->open();
  EXPECT_THAT(wire(1)->sent, StartsWith("GET /a HTTP/1.1\r\n"));
  wire(1)->receive(ok);
  EXPECT_EQ(text_of(*answer), "200 hi");
  EXPECT_EQ(client->stats().retried, 1U);
}

TEST_F(HttpClient, SendsAgainOnlyOnceAndOnANewConnection) {
  start();
  get();
  get();
  for (std::size_t i : {0U, 1U}) {
    wire(i)->open();
    wire(i)->receive(ok);
  }
  const auto answer = get();
  wire(1)->close();
  ASSERT_EQ(world.dialed.size(), 3U);
  EXPECT_TRUE(wire(0)->gone);  // as stale, most likely
  wire(2)->open();
  wire(2)->close();
  EXPECT_THAT(text_of(*answer), StartsWith("unavailable: "));
  EXPECT_EQ(world.dialed.size(), 3U);
}

TEST_F(HttpClient, SendsNothingAgainThatMightCountTwice) {
  start();
  get();
  wire(0)->open();
  wire(0)->receive(ok);
  const auto post = fetch({.method = "POST", .url = "http://server/a", .headers = {}, .body = "x"});
  wire(0)->close();
  EXPECT_THAT(text_of(*post), StartsWith("unavailable: POST http://server/a: no response"));

  get();
  wire(1)->open();
  wire(1)->receive(ok);
  const auto begun = get();
  wire(1)->receive("H");
  wire(1)->close();
  EXPECT_THAT(text_of(*begun), StartsWith("unavailable: "));
  EXPECT_EQ(client->stats().retried, 0U);
}

TEST_F(HttpClient, KeepsToItsLimitForAHost) {
  ClientLimits limits;
  limits.connections_per_host = 2;
  start(limits);
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 10; ++i) answers.push_back(get());
  const auto other = get("http://other/");
  EXPECT_EQ(world.dialed.size(), 3U);
  for (std::size_t i : {0U, 1U}) wire(i)->open();
  for (int i = 0; i < 5; ++i) {
    for (std::size_t w : {0U, 1U}) wire(w)->receive(ok);
  }
  for (const auto& answer : answers) EXPECT_EQ(text_of(*answer), "200 hi");
  EXPECT_EQ(world.dialed.size(), 3U);
}

TEST_F(HttpClient, KeepsToItsLimitInAllAndServesHostsInTurn) {
  ClientLimits limits;
  limits.connections = 2;
  start(limits);
  std::vector<std::shared_ptr<Answer>> busy;
  for (int i = 0; i < 20; ++i) busy.push_back(get("http://busy/"));
  const auto other = get("http://other/");
  ASSERT_EQ(world.dialed.size(), 2U);
  // The host with the long queue gives way to the other one.
  std::size_t answered = 0;
  for (int round = 0; round < 4 && text_of(*other) == "pending"; ++round) {
    for (std::size_t i = 0; i < world.dialed.size(); ++i) {
      if (world.dialed[i]->gone) continue;
      if (world.dialed[i]->sent.empty()) world.dialed[i]->open();
      world.dialed[i]->receive(ok);
      ++answered;
    }
  }
  EXPECT_EQ(text_of(*other), "200 hi");
  EXPECT_LE(answered, 8U);
  const auto alive = [&] {
    return std::count_if(world.dialed.begin(), world.dialed.end(),
                         [](const auto& w) { return !w->gone; });
  };
  for (int round = 0; round < 30; ++round) {
    for (std::size_t i = 0; i < world.dialed.size(); ++i) {
      const auto w = world.dialed[i];
      if (w->gone) continue;
      if (w->sent.empty()) w->open();
      if (!w->take().empty()) w->receive(ok);
      EXPECT_LE(alive(), 2);
    }
  }
  for (const auto& answer : busy) EXPECT_EQ(text_of(*answer), "200 hi");
}

TEST_F(HttpClient, OpensConnectionsOverSomeTurnsAndUsesFastOnesAgain) {
  start();
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 100; ++i) answers.push_back(get());
  ASSERT_EQ(world.dialed.size(), 16U);
  wire(0)->open();
  for (int i = 0; i < 10; ++i) wire(0)->receive(ok);
  EXPECT_EQ(client->stats().reused, 10U);
  world.advance(0ms);
  EXPECT_EQ(world.dialed.size(), 90U);
  for (std::size_t i = 0; i < world.dialed.size(); ++i) {
    if (i > 0) wire(i)->open();
    wire(i)->receive(ok);
  }
  for (const auto& answer : answers) EXPECT_EQ(text_of(*answer), "200 hi");
}

TEST_F(HttpClient, LetsWaitOnlySoMany) {
  ClientLimits limits;
  limits.connections = 1;
  limits.waiting = 3;
  start(limits);
  std::vector<std::shared_ptr<Answer>> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(get());
  world.advance(0ms);
  EXPECT_EQ(text_of(*answers[3]), "pending");
  EXPECT_THAT(text_of(*answers[4]), StartsWith("exhausted: "));
}

TEST_F(HttpClient, GivesEachJobItsOwnTryWhenAHostIsDown) {
  ClientLimits limits;
  limits.connections_per_host = 1;
  start(limits);
  const auto one = get(), two = get();
  wire(0)->close({Code::unavailable, "connection refused"});
  EXPECT_THAT(text_of(*one), StartsWith("unavailable: "));
  EXPECT_EQ(text_of(*two), "pending");
  wire(1)->open();
  wire(1)->receive(ok);
  EXPECT_EQ(text_of(*two), "200 hi");
}

TEST_F(HttpClient, EndsWhatWaitsWhenTimeRunsOutForIt) {
  ClientLimits limits;
  limits.connections = 1;
  limits.timeout = 2s;
  start(limits);
  const auto slow = get("http://a/");
  wire(0)->open();
  world.advance(1s);
  const auto waiting = get("http://b/");
  world.advance(1500ms);
  EXPECT_THAT(text_of(*slow), HasSubstr("no complete response within 2s"));
  ASSERT_EQ(world.dialed.size(), 2U);  // the room it left
  world.advance(1s);
  EXPECT_THAT(text_of(*waiting), StartsWith("unavailable: "));
}

TEST_F(HttpClient, AnswersHeadWithoutABody) {
  start();
  const auto answer =
      fetch({.method = "HEAD", .url = "http://server/a", .headers = {}, .body = {}});
  wire()->open();
  wire()->receive("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
  EXPECT_EQ(text_of(*answer), "200 ");
  EXPECT_FALSE(wire()->gone);
}

TEST_F(HttpClient, EndsEverythingWhenItIsDestroyed) {
  ClientLimits limits;
  limits.connections = 1;
  start(limits);
  const auto running = get(), waiting = get();
  wire()->open();
  client.reset();
  EXPECT_THAT(text_of(*running), StartsWith("unavailable: "));
  EXPECT_THAT(text_of(*waiting), StartsWith("unavailable: "));
  EXPECT_TRUE(wire()->gone);
  EXPECT_EQ(world.timers(), 0U);
}

TEST_F(HttpClient, MayBeDestroyedByACallback) {
  start();
  client->fetch({.method = "GET", .url = "http://server/", .headers = {}, .body = {}},
                [&](base::Result<Fetched>) { client.reset(); });
  const auto other = get();
  wire(0)->open();
  wire(0)->receive(ok);
  EXPECT_EQ(client, nullptr);
  EXPECT_THAT(text_of(*other), StartsWith("unavailable: "));
  EXPECT_EQ(world.timers(), 0U);
}

TEST_F(HttpClient, TakesFurtherFetchesInACallback) {
  start();
  int answers = 0;
  std::function<void(base::Result<Fetched>)> again = [&](base::Result<Fetched> result) {
    EXPECT_TRUE(result);
    if (++answers < 3) client->fetch({"GET", "http://server/", {}, ""}, again);
  };
  client->fetch({"GET", "http://server/", {}, ""}, again);
  wire()->open();
  for (int i = 0; i < 3; ++i) wire()->receive(ok);
  EXPECT_EQ(answers, 3);
  EXPECT_EQ(world.dialed.size(), 1U);
}

TEST_F(HttpClient, GathersResultsInTheOrderOfTheRequests) {
  start();
  std::vector<Fetch> what(3);
  what[0].url = "http://a/";
  what[1].url = "nonsense";
  what[2].url = "http://c/";
  std::vector<base::Result<Fetched>> all;
  fetch_all(*client, std::move(what), [&](auto results) { all = std::move(results); });
  wire(1)->open();
  wire(1)->receive("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nc");
  wire(0)->open();
  wire(0)->receive("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
  world.advance(0ms);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0]->body, "a");
  EXPECT_FALSE(all[1]);
  EXPECT_EQ(all[2]->body, "c");

  bool done = false;
  fetch_all(*client, {}, [&](auto results) { done = results.empty(); });
  EXPECT_FALSE(done);
  world.advance(0ms);
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace selvedge::net::http
