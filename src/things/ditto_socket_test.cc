// The Ditto protocol over WebSocket, and its messages.

#include "codec/json/value.h"
#include "codec/websocket/frame.h"
#include "things/ditto_commands.h"
#include "things/http_fixture.h"

namespace selvedge::things {
namespace {

using namespace std::chrono_literals;
using codec::websocket::Opcode;
using net::http::test::Wire;
using testing::HasSubstr;

constexpr codec::websocket::Mask mask{9, 8, 7, 6};

class TwinSocket : public TwinServer {
 protected:
  std::shared_ptr<Wire> connect(const std::string& headers = "") {
    auto wire = world.dial();
    wire->receive("GET /ws/2 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + headers + "\r\n");
    EXPECT_EQ(status_of(wire->sent), 101);
    wire->sent.erase(0, wire->sent.find("\r\n\r\n") + 4);
    world.advance({});
    return wire;
  }
  static std::string frame(Opcode opcode, std::string_view payload,
                           codec::websocket::Fin fin = codec::websocket::Fin::last) {
    base::Bytes bytes;
    append_frame(bytes, opcode, fin, base::as_bytes(payload), mask);
    return std::string(base::as_text(bytes));
  }
  // Texts that the server sent, and "close <code> <reason>".
  static std::vector<std::string> take(Wire& wire) {
    codec::websocket::Decoder decoder(codec::websocket::Role::client);
    const std::string sent = wire.take();
    base::BytesView rest = base::as_bytes(sent);
    std::vector<std::string> out;
    for (bool begun = false;;) {
      const auto event = decoder.next(rest);
      if (!event || !*event) break;
      if ((*event)->kind == Opcode::text) {
        if (!begun) out.emplace_back();
        out.back() += base::as_text((*event)->payload);
        begun = !(*event)->last;
      }
      if ((*event)->kind == Opcode::close)
        out.push_back("close " + std::to_string(static_cast<int>((*event)->code)) + " " +
                      std::string(base::as_text((*event)->payload)));
      if ((*event)->kind == Opcode::ping) out.emplace_back("ping");
      if ((*event)->kind == Opcode::pong) out.push_back("pong " + std::string(base::as_text((*event)->payload)));
    }
    return out;
  }
  static std::string last(Wire& wire) {
    const auto all = take(wire);
    return all.empty() ? "nothing" : all.back();
  }
  // The one answer to a text.
  std::string say(Wire& wire, std::string_view text) {
    wire.receive(frame(Opcode::text, text));
    world.advance(10ms);
    const auto answers = take(wire);
    EXPECT_EQ(answers.size(), 1U) << text;
    return answers.empty() ? "" : answers.back();
  }
  static std::string command(const std::string& action, const std::string& path, const std::string& value = "",
                             const std::string& headers = R"("correlation-id":"c1")") {
    return R"({"topic":"edge-1/pump/things/twin/commands/)" + action + R"(","headers":{)" + headers +
           R"(},"path":")" + path + "\"" + (value.empty() ? "" : ",\"value\":" + value) + "}";
  }
};

TEST_F(TwinSocket, RunsCommands) {
  const auto wire = connect();
  EXPECT_EQ(say(*wire, command("create", "/", R"({"attributes":{"a":1}})")),
            R"({"topic":"edge-1/pump/things/twin/commands/create","headers":{"correlation-id":"c1","etag":"\"rev:1\""},)"
            R"("path":"/","value":{"thingId":"edge-1:pump","attributes":{"a":1}},"status":201})");
  const std::string again = say(*wire, command("create", "/", "{}"));
  EXPECT_THAT(again, HasSubstr(R"("topic":"edge-1/pump/things/twin/errors")"));
  EXPECT_THAT(again, HasSubstr(R"("status":409)"));
  EXPECT_THAT(again, HasSubstr(R"("correlation-id":"c1")"));
  EXPECT_THAT(say(*wire, command("modify", "/features/f/properties/p", "1.50")), HasSubstr(R"("value":1.50,"status":201)"));
  EXPECT_THAT(say(*wire, command("modify", "/features/f/properties/p", "2")), HasSubstr(R"("status":204)"));
  EXPECT_THAT(say(*wire, command("merge", "/", R"({"attributes":{"a":null,"b":2}})")), HasSubstr(R"("status":204)"));
  EXPECT_THAT(say(*wire, command("retrieve", "/")),
              HasSubstr(R"("value":{"thingId":"edge-1:pump","attributes":{"b":2},"features":{"f":{"properties":{"p":2}}}},"status":200)"));
  EXPECT_THAT(say(*wire, R"({"topic":"edge-1/pump/things/twin/commands/retrieve","path":"/","fields":"attributes/b"})"),
              HasSubstr(R"("value":{"attributes":{"b":2}})"));
  EXPECT_THAT(say(*wire, R"({"topic":"_/_/things/twin/commands/retrieve","path":"/","fields":"thingId","value":{"thingIds":["edge-1:pump","edge-1:no"]}})"),
              HasSubstr(R"("value":[{"thingId":"edge-1:pump"}])"));
  EXPECT_THAT(say(*wire, command("modify", "/attributes/b", "3", R"("if-match":"\"hash:0\"")")), HasSubstr(R"("status":412)"));
  EXPECT_THAT(say(*wire, command("modify", "/attributes/b", "3", R"x("condition":"eq(attributes/b,2)")x")), HasSubstr(R"("status":204)"));
  EXPECT_THAT(say(*wire, command("delete", "/attributes/b")), HasSubstr(R"("status":204)"));
  EXPECT_THAT(say(*wire, command("delete", "/")), HasSubstr(R"("status":204)"));
  EXPECT_THAT(say(*wire, command("retrieve", "/")), HasSubstr(R"("status":404)"));
  // No answer is wanted, and no other than an error comes.
  wire->receive(frame(Opcode::text, command("modify", "/", "{}", R"("response-required":false)")));
  world.advance(10ms);
  EXPECT_TRUE(take(*wire).empty());
  EXPECT_NE(store.find("edge-1:pump"), nullptr);
}

TEST_F(TwinSocket, SaysWhatIsWrong) {
  const auto wire = connect("Authorization: viewer eve\r\n");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{", "read Ditto message"},
      {"{}", "no topic"},
      {R"({"topic":"a/b"})", "is not <node>"},
      {R"({"topic":"a/b/policies/twin/commands/create"})", "is not <node>"},
      {R"({"topic":"a:b/c/things/twin/commands/create"})", "is not <node>"},
      {R"({"topic":"a/b/things/twin/commands/create/more"})", "is not <node>"},
      {R"({"topic":"a/b/things/twin/search/subscribe"})", "criterion"},
      {command("explode", "/"), "action"},
      {command("create", "/attributes"), "whole twins"},
      {command("modify", "/attributes/a"), "value is missing"},
      {command("retrieve", "/nonsense"), "has no"},
      {command("retrieve", "nonsense"), "begins with"},
      {command("modify", "/", "{}"), "may not"},
      {R"({"topic":"a/b/things/live/messages/reset","path":"/inbox"})", "has no"},
      {R"({"topic":"a/b/things/live/messages/reset","path":"/attributes"})", "inbox/messages"},
      {"HELLO", "not known here"},
      {"START-SEND-EVENTS?filter=eq(", "filter"},
  };
  for (const auto& [text, why] : cases) {
    const std::string answer = say(*wire, text);
    EXPECT_THAT(answer, HasSubstr(why)) << text;
    EXPECT_TRUE(codec::json::parse(answer)) << answer;
    EXPECT_THAT(answer, HasSubstr("things/twin/errors\"")) << text;
  }
}

TEST_F(TwinSocket, SendsEvents) {
  put("edge-1:pump", R"({"attributes":{"a":1,"b":1},"features":{"f":{"properties":{"p":1,"q":2}}}})");
  const auto wire = connect();
  EXPECT_EQ(say(*wire, "START-SEND-EVENTS?filter=exists(attributes/a)"), "START-SEND-EVENTS:ACK");
  const auto next = [&] {
    const auto all = take(*wire);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? "" : all.back();
  };
  merge("edge-1:pump", R"({"features":{"f":{"properties":{"p":5}}}})");
  std::string event = next();
  EXPECT_THAT(event, HasSubstr(R"("topic":"edge-1/pump/things/twin/events/modified")"));
  EXPECT_THAT(event, HasSubstr(R"("path":"/features/f/properties/p","value":5,"revision":2,"timestamp":"20)"));
  merge("edge-1:pump", R"({"features":{"f":{"properties":{"p":6,"q":null}}}})");
  event = next();
  EXPECT_THAT(event, HasSubstr("events/merged"));
  EXPECT_THAT(event, HasSubstr(R"("path":"/features/f/properties","value":{"p":6,"q":null})"));
  merge("edge-1:pump", R"({"attributes":{"b":null}})");
  event = next();
  EXPECT_THAT(event, HasSubstr("events/deleted"));
  EXPECT_THAT(event, HasSubstr(R"("path":"/attributes/b","revision":4)"));
  put("edge-1:fan", "{}");  // has no such attribute
  EXPECT_TRUE(take(*wire).empty());
  put("edge-1:new", R"({"attributes":{"a":1}})");
  event = next();
  EXPECT_THAT(event, HasSubstr(R"("topic":"edge-1/new/things/twin/events/created")"));
  EXPECT_THAT(event, HasSubstr(R"("value":{"thingId":"edge-1:new","attributes":{"a":1}})"));
  ASSERT_TRUE(store.remove("edge-1:new", {}, false));
  world.advance({});
  EXPECT_THAT(next(), HasSubstr(R"("topic":"edge-1/new/things/twin/events/deleted")"));
  EXPECT_EQ(say(*wire, "STOP-SEND-EVENTS"), "STOP-SEND-EVENTS:ACK");
  put("edge-1:newer", R"({"attributes":{"a":1}})");
  EXPECT_TRUE(take(*wire).empty());
}

TEST_F(TwinSocket, CarriesLiveMessages) {
  std::vector<std::pair<Command, CommandDone>> sent;
  send = [&](Command c, CommandDone done) { sent.emplace_back(std::move(c), std::move(done)); };
  start();
  const auto wire = connect();
  wire->receive(frame(Opcode::text,
                      R"({"topic":"edge-1/pump/things/live/messages/blink","headers":{"correlation-id":"m","content-type":"text/plain","timeout":"5"},"path":"/features/lamp/inbox/messages/blink","value":"fa\nst"})"));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(base::as_text(sent[0].first.payload), "fa\nst");
  EXPECT_EQ(sent[0].first.feature, "lamp");
  EXPECT_EQ(sent[0].first.deadline, 5s);
  sent[0].second({200, "text/plain", base::to_bytes("do\"ne"), true});
  EXPECT_EQ(last(*wire),
            R"({"topic":"edge-1/pump/things/live/messages/blink","headers":{"correlation-id":"m"},"path":"/features/lamp/inbox/messages/blink","value":"do\"ne","status":200})");
  wire->receive(frame(Opcode::text, R"({"topic":"edge-1/pump/things/live/messages/x","path":"/inbox/messages/x","value":{"a":1}})"));
  sent[1].second({404, "", base::to_bytes("not connected"), false});
  EXPECT_THAT(last(*wire), HasSubstr("not connected"));
}

TEST_F(TwinSocket, KeepsTheRulesOfWebSocket) {
  put("edge-1:pump", "{}");
  const auto pieces = connect();
  const std::string text = command("retrieve", "/");
  pieces->receive(frame(Opcode::text, text.substr(0, 20), codec::websocket::Fin::more));
  pieces->receive(frame(Opcode::ping, "p"));
  for (const char byte : frame(Opcode::continuation, text.substr(20))) pieces->receive({&byte, 1});
  world.advance({});
  auto out = take(*pieces);
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(out[0], "pong p");
  EXPECT_THAT(out[1], HasSubstr(R"("status":200)"));
  pieces->receive(frame(Opcode::binary, "x"));
  EXPECT_EQ(last(*pieces), "close 1003 only text is taken");
  EXPECT_TRUE(pieces->closing);
  world.settle({pieces});

  const auto bad = connect();
  bad->receive(frame(Opcode::text, "\xff"));
  EXPECT_EQ(last(*bad), "close 1007 not UTF-8");
  socket_limits.message_bytes = 100;
  start();
  const auto large = connect();
  large->receive(frame(Opcode::text, std::string(200, ' ')));
  EXPECT_THAT(last(*large), HasSubstr("close 1009"));
}

TEST_F(TwinSocket, ReadsNoMoreThanItMayAnswer) {
  socket_limits.commands = 2;
  start();
  put("edge-1:pump", "{}");
  store.hold = true;
  const auto wire = connect();
  std::string all;
  for (int i = 0; i < 5; ++i) all += frame(Opcode::text, command("modify", "/attributes/a", std::to_string(i)));
  wire->receive(all);
  EXPECT_TRUE(wire->paused);
  world.advance(1s);
  EXPECT_TRUE(take(*wire).empty());
  store.release();
  world.advance(1s);
  EXPECT_EQ(take(*wire).size(), 5U);
  EXPECT_FALSE(wire->paused);
}

TEST_F(TwinSocket, LetsSlowAndSilentClientsGo) {
  const auto slow = connect(), silent = connect(), quick = connect();
  say(*slow, "START-SEND-EVENTS");
  slow->held = 2'000'000;
  put("edge-1:a", "{}");
  EXPECT_EQ(last(*slow), "close 1008 too slow");
  for (int i = 0; i < 5; ++i) {
    world.advance(30s);
    quick->receive(frame(Opcode::pong, ""));
  }
  EXPECT_THAT(last(*silent), HasSubstr("no sign of life"));
  EXPECT_FALSE(quick->closing);
  revoked = true;
  for (int i = 0; i < 3; ++i) {
    world.advance(30s);
    quick->receive(frame(Opcode::pong, ""));
  }
  EXPECT_THAT(last(*quick), HasSubstr("not allowed any more"));
}

TEST_F(TwinSocket, LetsInWhoMaySee) {
  late = true;
  const auto early = world.dial();
  early->receive("GET /ws/2 HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
                 frame(Opcode::text, "START-SEND-EVENTS"));
  early->take();
  early->receive(frame(Opcode::text, "STOP-SEND-EVENTS"));
  world.advance(10ms);
  EXPECT_EQ(take(*early), (std::vector<std::string>{"START-SEND-EVENTS:ACK", "STOP-SEND-EVENTS:ACK"}));
  late = false;
  EXPECT_THAT(last(*connect("Authorization: nobody x\r\n")), HasSubstr("close 1008"));
  EXPECT_THAT(last(*connect("Authorization: wrong\r\n")), HasSubstr("this token is not known"));
  socket_connections = 1;
  start();
  const auto one = connect();
  const auto refused_one = connect();
  EXPECT_THAT(last(*refused_one), HasSubstr("too many"));
  world.settle({refused_one});
  one->close();
  const auto two = connect();
  EXPECT_FALSE(two->closing);
  api.reset();
  EXPECT_TRUE(two->gone);
}

TEST(DittoMessage, ComesOutAsItCameIn) {
  std::string correlation;
  const std::string text =
      R"({"topic":"edge-1/pump/things/twin/commands/modify","headers":{"correlation-id":"x\"y","n":"12"},"path":"/attributes/a","value":{"n": 1.0},"status":200,"revision":7,"timestamp":"t"})";
  const auto message = parse_ditto(text, correlation);
  ASSERT_TRUE(message) << message.error().message;
  EXPECT_EQ(correlation, "x\"y");
  EXPECT_EQ(to_json(*message), text);
}

TEST(DittoMessage, FindsThePlaceOfAChange) {
  const auto place = [](std::string_view patch) {
    const PatchPlace p = place_of(patch);
    return p.pointer + " " + std::string(p.value) + (p.whole ? " whole" : "");
  };
  EXPECT_EQ(place(R"({"attributes":{"a":1}})"), "/attributes/a 1 whole");
  EXPECT_EQ(place(R"({"attributes":{"a":{"b":[1,{"c":2}]}}})"), R"(/attributes/a/b [1,{"c":2}] whole)");
  EXPECT_EQ(place(R"({"attributes":{"a/b":{"~":null}}})"), "/attributes/a~1b/~0 null whole");
  EXPECT_EQ(place(R"({"attributes":{"a":1,"b":2}})"), R"(/attributes {"a":1,"b":2})");
  EXPECT_EQ(place(R"({"features":{"f":{}}})"), "/features/f {} whole");
  EXPECT_EQ(place(R"({"a":1,"b":2})"), R"( {"a":1,"b":2})");
}

}  // namespace
}  // namespace selvedge::things
