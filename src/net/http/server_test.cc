// Raw bytes in, raw bytes out: what a server answers, whatever the cuts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/http/http.h"
#include "net/http/test_world.h"

namespace selvedge::net::http {
namespace {

using namespace std::chrono_literals;
using test::TestWorld;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpServer : public testing::Test {
 protected:
  void start(ServerLimits limits = {}) {
    server = std::make_unique<Server>(world, limits);
    server->route("GET", "/hello", [](Request, Respond respond) { respond(Response::text("hi")); });
    server->route("POST", "/echo",
                  [](Request request, Respond respond) { respond(Response::text(request.body)); });
    server->route("GET", "/path/*", [](Request request, Respond respond) {
      std::string text = request.path;
      for (const auto& [name, value] : request.query) text += " [" + name + "=" + value + "]";
      respond(Response::text(text));
    });
    server->route("*", "/any", [](Request request, Respond respond) {
      respond(Response::text(request.method));
    });
    server->route("GET", "/later",
                  [this](Request, Respond respond) { late.push_back(std::move(respond)); });
    server->route("GET", "/big", [](Request, Respond respond) {
      respond(Response::text(std::string(300'000, 'x')));
    });
    ASSERT_TRUE(server->listen({"", 80}, nullptr));
  }

  // What comes back for `bytes` on a connection of their own.
  std::string ask(std::string_view bytes) {
    const auto wire = world.dial();
    wire->receive(bytes);
    std::string answer = wire->sent;
    wire->close();
    return answer;
  }

  TestWorld world;
  std::unique_ptr<Server> server;
  std::vector<Respond> late;
};

std::string get(std::string_view path, std::string_view more = "") {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: h\r\n" + std::string(more) + "\r\n";
}

std::string body_of(const std::string& answer) {
  const std::size_t at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "no body" : answer.substr(at + 4);
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos;
       at = text.find(what, at + what.size())) {
    ++n;
  }
  return n;
}

TEST_F(HttpServer, WritesAWholeResponse) {
  start();
  EXPECT_EQ(ask(get("/hello")),
            "HTTP/1.1 200 OK\r\nServer: selvedge\r\nDate: Tue, 14 Nov 2023 22:13:21 GMT\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n\r\nhi");
}

struct Case {
  const char* what;
  std::string request;
  const char* begins;              // of the answer
  std::vector<std::string> holds;  // somewhere in it
};

TEST_F(HttpServer, AnswersEachRequestAsTheStandardHasIt) {
  ServerLimits limits;
  limits.head_bytes = 512;
  limits.body_bytes = 10;
  start(limits);
  const std::string post = "POST /echo HTTP/1.1\r\nHost: h\r\n";
  const std::vector<Case> cases{
      {"unknown path",
       get("/nothing"),
       "HTTP/1.1 404 Not Found\r\n",
       {"application/problem+json", "\"code\":\"not_found\"", "no such path: /nothing"}},
      {"other method",
       "DELETE /hello HTTP/1.1\r\nHost: h\r\n\r\n",
       "HTTP/1.1 405 ",
       {"Allow: GET, HEAD, OPTIONS\r\n"}},
      {"OPTIONS",
       "OPTIONS /echo HTTP/1.1\r\nHost: h\r\n\r\n",
       "HTTP/1.1 204 No Content\r\n",
       {"Allow: OPTIONS, POST\r\n"}},
      {"OPTIONS *",
       "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
       "HTTP/1.1 204 ",
       {"Allow: GET, HEAD, OPTIONS, POST\r\n"}},
      {"any method", "BREW /any HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ", {"\r\n\r\nBREW"}},
      {"absolute form", get("http://elsewhere:81/hello"), "HTTP/1.1 200 ", {"\r\n\r\nhi"}},
      {"escapes",
       get("/path/a%20b+c%C3%A4?x=1+2&y%3d=%2B&z&=&"),
       "HTTP/1.1 200 ",
       {"/path/a b+c\xC3\xA4 [x=1 2] [y==+] [z=] [=]"}},
      {"escaped NUL", get("/path/%00"), "HTTP/1.1 400 ", {"hides a NUL"}},
      {"escape of no digits", get("/path/%zz"), "HTTP/1.1 400 ", {"two hex digits"}},
      {"escape cut off", get("/path/%2"), "HTTP/1.1 400 ", {"two hex digits"}},
      {"NUL in the query", get("/path/x?a=%00"), "HTTP/1.1 400 ", {}},
      {"climbing path", get("/path/../../etc"), "HTTP/1.1 400 ", {"climbs"}},
      {"climbing in disguise", get("/path/%2e%2e/x"), "HTTP/1.1 400 ", {"climbs"}},
      {"length", post + "Content-Length: 5\r\n\r\nabcde", "HTTP/1.1 200 ", {"\r\n\r\nabcde"}},
      {"chunks",
       post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\n",
       "HTTP/1.1 200 ",
       {"\r\n\r\nabcde"}},
      {"body too large",
       post + "Content-Length: 11\r\n\r\n",
       "HTTP/1.1 413 ",
       {"Connection: close\r\n"}},
      {"chunks too large",
       post + "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\n",
       "HTTP/1.1 413 ",
       {"Connection: close\r\n"}},
      {"huge length", post + "Content-Length: 18446744073709551615\r\n\r\n", "HTTP/1.1 413 ", {}},
      {"length of no number", post + "Content-Length: -1\r\n\r\n", "HTTP/1.1 400 ", {}},
      {"two lengths", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 400 ", {}},
      {"length and chunks",
       post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       "HTTP/1.1 400 ",
       {}},
      {"chunks and length",
       post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
       "HTTP/1.1 400 ",
       {}},
      {"other coding", post + "Transfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 ", {}},
      {"chunked not last", post + "Transfer-Encoding: chunked, gzip\r\n\r\n", "HTTP/1.1 501 ", {}},
      {"bad chunk", post + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 400 ", {}},
      {"endless chunk line",
       post + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(600, 'x'),
       "HTTP/1.1 431 ",
       {}},
      {"head too large",
       get("/hello", "X: " + std::string(600, 'x') + "\r\n"),
       "HTTP/1.1 431 ",
       {"Connection: close\r\n"}},
      {"many small headers",
       [] {
         std::string many = "GET /hello HTTP/1.1\r\nHost: h\r\n";
         for (int i = 0; i < 100; ++i) many += "Name: value\r\n";
         return many;
       }(),
       "HTTP/1.1 431 ",
       {}},
      {"no host", "GET /hello HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", {"Host"}},
      {"two hosts", get("/hello", "Host: other\r\n"), "HTTP/1.1 400 ", {"Host"}},
      {"no host in 1.0", "GET /hello HTTP/1.0\r\n\r\n", "HTTP/1.1 200 ", {"Connection: close\r\n"}},
      {"kept alive in 1.0",
       "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
       "HTTP/1.1 200 ",
       {"Connection: keep-alive\r\n"}},
      {"close", get("/hello", "Connection: close\r\n"), "HTTP/1.1 200 ", {"Connection: close\r\n"}},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 505 ", {}},
      {"garbage", "\x16\x03\x01\x02garbage\r\n\r\n", "HTTP/1.1 400 ", {}},
      {"space before colon", get("/hello", "Name : x\r\n"), "HTTP/1.1 400 ", {}},
      {"empty lines first", "\r\n\r\n" + get("/hello"), "HTTP/1.1 200 ", {}},
      {"other expectation",
       post + "Expect: miracles\r\nContent-Length: 1\r\n\r\n",
       "HTTP/1.1 417 ",
       {}},
  };
  for (const Case& c : cases) {
    const std::string answer = ask(c.request);
    EXPECT_THAT(answer, StartsWith(c.begins)) << c.what;
    for (const std::string& part : c.holds) EXPECT_THAT(answer, HasSubstr(part)) << c.what;
    EXPECT_EQ(server->stats().open, 0U) << c.what;
  }
}

TEST_F(HttpServer, AnswersTheSameWhereverTheBytesAreCut) {
  start();
  const std::string bytes = get("/path/x?a=b") +
                            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde" +
                            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "3\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n" +
                            get("/hello");
  const std::string whole = ask(bytes);
  EXPECT_EQ(count(whole, "HTTP/1.1 200 OK"), 4U) << whole;
  EXPECT_THAT(whole, testing::EndsWith("\r\n\r\nhi"));
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    const auto wire = world.dial();
    wire->receive(bytes.substr(0, cut));
    wire->receive(bytes.substr(cut));
    EXPECT_EQ(wire->sent, whole) << "cut at " << cut;
    wire->close();
  }
  const auto wire = world.dial();
  for (const char byte : bytes) wire->receive({&byte, 1});
  EXPECT_EQ(wire->sent, whole);
}

TEST_F(HttpServer, AnswersHeadWithTheLengthAndNoBody) {
  start();
  const auto wire = world.dial();
  wire->receive("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string answer = wire->take();
  EXPECT_THAT(answer, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_EQ(body_of(answer), "");
  wire->receive(get("/hello"));
  EXPECT_EQ(body_of(wire->take()), "hi");
}

TEST_F(HttpServer, KeepsTheOrderOfPipelinedRequests) {
  start();
  const auto wire = world.dial();
  wire->receive(get("/later") + get("/hello") + get("/later") + get("/any"));
  EXPECT_EQ(wire->sent, "");
  EXPECT_TRUE(wire->paused);
  ASSERT_EQ(late.size(), 1U);
  late[0](Response::text("first"));
  ASSERT_EQ(late.size(), 2U);
  late[1](Response::text("third"));
  EXPECT_FALSE(wire->paused);
  const std::string answers = wire->sent;
  const std::size_t first = answers.find("first"), second = answers.find("hi"),
                    third = answers.find("third"), fourth = answers.find("\r\n\r\nGET");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, fourth);
  EXPECT_NE(fourth, std::string::npos);
}

TEST_F(HttpServer, TakesAnAnswerOnceAndLateOnesWithoutHarm) {
  start();
  const auto wire = world.dial();
  wire->receive(get("/later"));
  late[0](Response::text("one"));
  late[0](Response::text("two"));
  EXPECT_EQ(count(wire->sent, "HTTP/1.1"), 1U);
  wire->receive(get("/later"));
  wire->close();
  late[1](Response::text("too late"));
  server.reset();
  late[1](Response::text("much too late"));
}

TEST_F(HttpServer, AnswersForAHandlerThatForgotTo) {
  start();
  const auto wire = world.dial();
  wire->receive(get("/later"));
  late.clear();
  EXPECT_THAT(wire->sent, StartsWith("HTTP/1.1 500 "));
}

TEST_F(HttpServer, TellsAClientToContinue) {
  ServerLimits limits;
  limits.body_bytes = 100;
  start(limits);
  const auto wire = world.dial();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n";
  wire->receive(head + "Content-Length: 3\r\n\r\n");
  EXPECT_EQ(wire->take(), "HTTP/1.1 100 Continue\r\n\r\n");
  wire->receive("abc");
  EXPECT_EQ(body_of(wire->take()), "abc");
  EXPECT_THAT(ask(head + "Content-Length: 101\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(
      ask("PUT /no HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
      StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(
      ask("PUT /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
      StartsWith("HTTP/1.1 405 "));
}

TEST_F(HttpServer, ReadsOnForAWhileAfterARefusal) {
  ServerLimits limits;
  limits.body_bytes = 10;
  start(limits);
  const auto wire = world.dial();
  wire->receive("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc");
  EXPECT_THAT(wire->take(), StartsWith("HTTP/1.1 413 "));
  wire->receive(std::string(900, 'x'));
  EXPECT_FALSE(wire->closing);
  EXPECT_EQ(wire->sent, "");
  world.advance(3s);
  EXPECT_TRUE(wire->closing);
}

TEST_F(HttpServer, ClosesAnIdleConnection) {
  ServerLimits limits;
  limits.idle_timeout = 5s;
  start(limits);
  const auto silent = world.dial(), used = world.dial();
  world.advance(4s);
  used->receive(get("/hello"));
  world.advance(2s);
  EXPECT_TRUE(silent->closing);
  EXPECT_FALSE(used->closing);
  world.advance(4s);
  EXPECT_TRUE(used->closing);
}

TEST_F(HttpServer, GivesARequestALimitedTime) {
  ServerLimits limits;
  limits.request_timeout = 5s;
  start(limits);
  const auto wire = world.dial();
  const std::string request = get("/hello");
  for (int i = 0; i < 8; ++i) {
    wire->receive(request.substr(static_cast<std::size_t>(i), 1));
    world.advance(1s);
  }
  EXPECT_THAT(wire->sent, StartsWith("HTTP/1.1 408 "));
  EXPECT_TRUE(wire->closing);
}

TEST_F(HttpServer, LetsAHandlerTakeItsTime) {
  start();
  const auto wire = world.dial();
  wire->receive(get("/later"));
  world.advance(10min);
  EXPECT_FALSE(wire->closing);
  late[0](Response::text("at last"));
  EXPECT_EQ(body_of(wire->sent), "at last");
}

TEST_F(HttpServer, RefusesConnectionsBeyondItsLimit) {
  ServerLimits limits;
  limits.connections = 2;
  start(limits);
  const auto one = world.dial(), two = world.dial(), three = world.dial();
  EXPECT_THAT(three->sent, StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(three->closing);
  EXPECT_EQ(server->stats().refused, 1U);
  world.settle({three});
  one->close();
  const auto four = world.dial();
  four->receive(get("/hello"));
  EXPECT_EQ(body_of(four->sent), "hi");
  for (int i = 0; i < 200; ++i) world.dial();  // the answers of these are never taken
  EXPECT_LE(server->stats().open, 2U + 64U);
}

TEST_F(HttpServer, BoundsTheBodiesInMemory) {
  ServerLimits limits;
  limits.bodies_in_memory = 1000;
  start(limits);
  const auto one = world.dial(), two = world.dial(), three = world.dial();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\n";
  one->receive(head + "Content-Length: 900\r\n\r\n" + std::string(600, 'x'));
  two->receive(head + "Content-Length: 500\r\n\r\n");
  EXPECT_THAT(two->sent, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(two->sent, HasSubstr("Retry-After: 1\r\n"));
  three->receive(head + "Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + std::string(500, 'x'));
  EXPECT_THAT(three->sent, StartsWith("HTTP/1.1 503 "));
  one->receive(std::string(300, 'x'));
  EXPECT_EQ(body_of(one->take()), std::string(900, 'x'));
  one->receive(head + "Content-Length: 900\r\n\r\n" + std::string(900, 'y'));
  EXPECT_EQ(body_of(one->take()), std::string(900, 'y'));
}

TEST_F(HttpServer, StopsReadingFromAClientThatDoesNot) {
  ServerLimits limits;
  limits.idle_timeout = 5s;
  start(limits);
  const auto wire = world.dial();
  wire->held = 300'000;
  wire->receive(get("/big") + get("/hello"));
  EXPECT_EQ(count(wire->sent, "HTTP/1.1 200"), 1U);
  EXPECT_TRUE(wire->paused);
  world.advance(4s);
  wire->held = 200'000;  // slow, but it moves
  world.advance(4s);
  EXPECT_FALSE(wire->gone);
  wire->drain();
  EXPECT_EQ(count(wire->sent, "HTTP/1.1 200"), 2U);
  EXPECT_FALSE(wire->paused);

  const auto stuck = world.dial();
  stuck->held = 300'000;
  stuck->receive(get("/big"));
  world.advance(6s);
  EXPECT_TRUE(stuck->gone);
}

TEST_F(HttpServer, SendsALongLastAnswerBeforeItCloses) {
  start();
  const auto wire = world.dial();
  wire->held = 300'000;
  wire->receive(get("/big", "Connection: close\r\n"));
  EXPECT_FALSE(wire->closing);
  wire->drain();
  EXPECT_TRUE(wire->closing);
}

TEST_F(HttpServer, LetsRunningRequestsFinishWhenItCloses) {
  start();
  const auto idle = world.dial(), busy = world.dial();
  busy->receive(get("/later"));
  bool done = false;
  server->close([&] { done = true; });
  EXPECT_FALSE(world.listening());
  EXPECT_TRUE(idle->closing);
  EXPECT_FALSE(busy->closing);
  world.settle({idle});
  EXPECT_FALSE(done);
  late[0](Response::text("done"));
  EXPECT_THAT(busy->sent, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(busy->closing);
  world.settle({busy});
  EXPECT_TRUE(done);
}

TEST_F(HttpServer, MayBeDestroyedByItsOwnHandler) {
  start();
  server->route("GET", "/die", [this](Request, Respond respond) {
    server.reset();
    respond(Response::text("gone"));
  });
  const auto wire = world.dial(), other = world.dial();
  wire->receive(get("/die") + get("/hello"));
  EXPECT_TRUE(wire->gone);
  EXPECT_TRUE(other->gone);
  EXPECT_EQ(world.timers(), 0U);
}

TEST_F(HttpServer, KeepsHeadersOfAHandlerOnTheirLine) {
  start();
  server->route("GET", "/inject", [](Request, Respond respond) {
    Response response = Response::text("x");
    response.headers.emplace_back("X-Name", "a\r\nSet-Cookie: stolen");
    respond(std::move(response));
  });
  EXPECT_THAT(ask(get("/inject")), Not(HasSubstr("\r\nSet-Cookie")));
}

TEST_F(HttpServer, PrefersTheMostExactRoute) {
  start();
  const auto say = [](const char* text) {
    return [text](Request, Respond respond) { respond(Response::text(text)); };
  };
  server->route("GET", "/path/deep/*", say("deep"));
  server->route("GET", "/path/deep/exact", say("exact"));
  server->route("PUT", "/path/deep/*", say("put"));
  EXPECT_EQ(body_of(ask(get("/path/deep/exact"))), "exact");
  EXPECT_EQ(body_of(ask(get("/path/deep/other"))), "deep");
  EXPECT_EQ(body_of(ask(get("/path/deep"))), "/path/deep");
  EXPECT_EQ(body_of(ask("PUT /path/deep/exact HTTP/1.1\r\nHost: h\r\n\r\n")), "put");
  EXPECT_THAT(ask("POST /path/deep/exact HTTP/1.1\r\nHost: h\r\n\r\n"),
              HasSubstr("Allow: GET, HEAD, OPTIONS, PUT\r\n"));
}

}  // namespace
}  // namespace selvedge::net::http
