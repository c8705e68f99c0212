#include "net/api/access.h"

#include <gtest/gtest.h>

namespace selvedge::net::api {
namespace {

using base::Code;

os::Peer peer_with(std::vector<std::string> uris, bool loopback = false) {
  os::Peer peer;
  peer.address = "192.0.2.7:4711";
  peer.uris = std::move(uris);
  peer.loopback = loopback;
  return peer;
}

struct Answer {
  int status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  http::Respond respond() {
    return [this](http::Response response) {
      status = response.status;
      body = response.body;
      headers = response.headers;
    };
  }
};

Identify always(base::Result<Caller> caller) {
  return [caller](const http::Request&, const auto& answer) { answer(caller); };
}

Caller operator_with(Right right) {
  return {Caller::Kind::operator_, "alice", right, "192.0.2.7"};
}

int status_for(const base::Result<Caller>& caller, Right wanted) {
  Answer answer;
  require(always(caller), wanted, [](const Caller&, const http::Request&, const http::Respond& respond) {
    respond(http::Response::json("{}"));
  })({}, answer.respond());
  return answer.status;
}

TEST(Access, ARoleHoldsWhatIsBelowIt) {
  EXPECT_EQ(status_for(operator_with(Right::view), Right::view), 200);
  EXPECT_EQ(status_for(operator_with(Right::view), Right::operate), 403);
  EXPECT_EQ(status_for(operator_with(Right::operate), Right::view), 200);
  EXPECT_EQ(status_for(operator_with(Right::operate), Right::operate), 200);
  EXPECT_EQ(status_for(operator_with(Right::operate), Right::administer), 403);
  EXPECT_EQ(status_for(operator_with(Right::administer), Right::administer), 200);
}

TEST(Access, NodesAndDevicesAreNoOperators) {
  for (const auto kind : {Caller::Kind::node, Caller::Kind::device, Caller::Kind::nobody}) {
    Caller caller{kind, "x", Right::administer, ""};
    EXPECT_FALSE(caller.may(Right::view));
    EXPECT_EQ(status_for(caller, Right::view), 403);
  }
}

TEST(Access, TheUnknownAreAskedWhoTheyAre) {
  Answer answer;
  bool ran = false;
  identified(always(base::fail(Code::denied, "show something")),
             [&](const Caller&, const http::Request&, const http::Respond&) { ran = true; })(
      {}, answer.respond());
  EXPECT_FALSE(ran);
  EXPECT_EQ(answer.status, 401);
  ASSERT_EQ(answer.headers.size(), 1u);
  EXPECT_EQ(answer.headers[0].first, "WWW-Authenticate");
  EXPECT_EQ(status_for(base::fail(Code::exhausted, "too often"), Right::view), 429);
  EXPECT_EQ(status_for(base::fail(Code::unavailable, "no audit"), Right::view), 503);
}

TEST(Access, ThePeerIsKeptForAnAnswerThatComesLater) {
  std::function<void(base::Result<Caller>)> later;
  const Identify identify = [&](const http::Request&, auto answer) { later = std::move(answer); };
  Answer answer;
  std::string seen;
  const auto handler = identified(
      identify, [&](const Caller& caller, const http::Request& request, const http::Respond& respond) {
        seen = request.peer->address + " " + caller.text() + " " + request.body;
        respond(http::Response::text("ok"));
      });
  {
    const os::Peer gone = peer_with({});
    http::Request request;
    request.body = "hello";
    request.peer = &gone;
    handler(std::move(request), answer.respond());
  }
  ASSERT_TRUE(later);
  later(operator_with(Right::view));
  later(operator_with(Right::view));   // an answer too many does nothing
  EXPECT_EQ(seen, "192.0.2.7:4711 operator:alice hello");
  EXPECT_EQ(answer.status, 200);
}

TEST(Access, ACertificateSaysWhoItIs) {
  const os::Peer alice = peer_with({"urn:selvedge:operator:alice"}, true);
  EXPECT_EQ(caller_of(&alice).text(), "operator:alice");
  EXPECT_TRUE(caller_of(&alice).may(Right::administer));
  EXPECT_EQ(caller_of(&alice).from, "192.0.2.7");
  const os::Peer node = peer_with({"urn:selvedge:node:edge-1"}, true);
  EXPECT_EQ(caller_of(&node).text(), "node:edge-1");
  const os::Peer device = peer_with({"urn:selvedge:device:pump"});
  EXPECT_EQ(caller_of(&device).text(), "device:pump");
  const os::Peer here = peer_with({}, true), there = peer_with({});
  EXPECT_EQ(caller_of(&here).text(), "local");
  EXPECT_EQ(caller_of(&there).text(), "nobody");
  EXPECT_EQ(caller_of(nullptr).text(), "nobody");
}

TEST(Access, AddressesLoseTheirPort) {
  EXPECT_EQ(host_of("1.2.3.4:80"), "1.2.3.4");
  EXPECT_EQ(host_of("[2001:db8::1]:80"), "2001:db8::1");
  EXPECT_EQ(host_of("2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(host_of("1.2.3.4"), "1.2.3.4");
  EXPECT_EQ(host_of(""), "");
}

TEST(Access, RolesHaveNames) {
  for (const Right right : {Right::view, Right::operate, Right::administer})
    EXPECT_EQ(*parse_right(name(right)), right);
  EXPECT_FALSE(parse_right("root"));
}

}  // namespace
}  // namespace selvedge::net::api
