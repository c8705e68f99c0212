// Server-sent events: what a client hears, when, and when it is let go.

#include "things/http_fixture.h"

namespace selvedge::things {
namespace {

using namespace std::chrono_literals;
using net::http::test::Wire;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class TwinEvents : public TwinServer {
 protected:
  std::shared_ptr<Wire> listen(const std::string& target, const std::string& headers = "") {
    auto wire = world.dial();
    wire->receive("GET " + target + " HTTP/1.1\r\nHost: h\r\nAccept: text/event-stream\r\n" + headers + "\r\n");
    world.advance({});
    return wire;
  }
  // The lines that carry something, without the framing.
  static std::vector<std::string> lines(std::string text) {
    if (const std::size_t head = text.find("\r\n\r\n"); text.starts_with("HTTP/")) text.erase(0, head + 4);
    std::vector<std::string> out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      if (line.starts_with("data: ") || line.starts_with("event: ")) out.push_back(line);
    }
    return out;
  }
  static std::string last_id(const std::string& text) {
    const std::size_t at = text.rfind("id: ");
    return at == std::string::npos ? "" : text.substr(at + 4, text.find('\n', at) - at - 4);
  }
};

TEST_F(TwinEvents, TellWhatChanged) {
  put("edge-1:pump", R"({"attributes":{"a":1,"b":2}})");
  const auto wire = listen("/api/2/things");
  EXPECT_THAT(wire->sent, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(wire->sent, HasSubstr("Transfer-Encoding: chunked\r\n"));
  EXPECT_THAT(lines(wire->take()), testing::IsEmpty());
  merge("edge-1:pump", R"({"attributes":{"a":5,"b":null}})");
  merge("edge-1:pump", R"({"attributes":{"a":5}})");  // says nothing new
  put("edge-2:new", R"({"features":{"f":{"properties":{"p":1}}}})");
  ASSERT_TRUE(store.remove("edge-1:pump", {}, false));
  world.advance({});
  EXPECT_THAT(lines(wire->take()),
              testing::ElementsAre(R"(data: {"thingId":"edge-1:pump","attributes":{"a":5,"b":null}})",
                                   R"(data: {"thingId":"edge-2:new","features":{"f":{"properties":{"p":1}}}})",
                                   "event: thing_deleted", R"(data: {"thingId":"edge-1:pump"})"));
}

TEST_F(TwinEvents, TellOnlyWhatIsDurable) {
  const auto wire = listen("/api/2/things");
  wire->take();
  store.hold = true;
  put("edge-1:pump", R"({"attributes":{"a":1}})");
  world.advance(1s);
  EXPECT_EQ(wire->sent, "");
  store.release();
  world.advance({});
  EXPECT_EQ(lines(wire->sent).size(), 1U);
}

TEST_F(TwinEvents, TellEachWhatItWants) {
  put("edge-1:pump", R"({"attributes":{"a":1}})");
  const auto one = listen("/api/2/things/edge-1:pump"), part = listen("/api/2/things/edge-1:pump/attributes/b"),
             ids = listen("/api/2/things?ids=edge-1:fan,edge-2:x"), names = listen("/api/2/things?namespaces=edge-2"),
             filter = listen("/api/2/things?filter=gt(attributes/a,5)"),
             fields = listen("/api/2/things?fields=thingId,features/*/properties(p,q),_revision"),
             node = listen("/api/2/things", "Authorization: node edge-2\r\n"),
             device = listen("/api/2/things", "Authorization: device pump\r\n");
  for (const auto& wire : {one, part, ids, names, filter, fields, node, device}) wire->take();
  merge("edge-1:pump", R"({"attributes":{"a":2}})");
  merge("edge-1:pump", R"({"attributes":{"a":9,"b":1}})");
  merge("edge-1:fan", R"({"features":{"f":{"properties":{"p":1,"r":2}}}})");
  merge("edge-2:x", R"({"attributes":{"a":1}})");
  EXPECT_EQ(lines(one->sent).size(), 2U);
  EXPECT_THAT(lines(part->sent), testing::ElementsAre(R"(data: {"thingId":"edge-1:pump","attributes":{"b":1}})"));
  EXPECT_EQ(lines(ids->sent).size(), 2U);
  EXPECT_EQ(lines(names->sent).size(), 1U);
  EXPECT_THAT(lines(filter->sent),
              testing::ElementsAre(R"(data: {"thingId":"edge-1:pump","attributes":{"a":9,"b":1}})"));
  EXPECT_THAT(lines(fields->sent),
              testing::Contains(R"(data: {"thingId":"edge-1:fan","_revision":1,"features":{"f":{"properties":{"p":1}}}})"));
  EXPECT_EQ(lines(node->sent).size(), 1U);
  EXPECT_EQ(lines(device->sent).size(), 2U);
}

TEST_F(TwinEvents, GoOnWhereAClientLeftOff) {
  auto wire = listen("/api/2/things");
  put("edge-1:a", R"({"attributes":{"a":1}})");
  const std::string id = last_id(wire->sent);
  EXPECT_THAT(id, EndsWith("-1"));
  wire->close();
  put("edge-1:b", R"({"attributes":{"a":2}})");
  put("edge-1:c", R"({"attributes":{"a":3}})");
  wire = listen("/api/2/things?ids=edge-1:c,edge-1:d", "Last-Event-ID: " + id + "\r\n");
  EXPECT_THAT(lines(wire->sent), testing::ElementsAre(R"(data: {"thingId":"edge-1:c","attributes":{"a":3}})"));
  put("edge-1:d", "{}");
  EXPECT_EQ(lines(wire->sent).back(), R"(data: {"thingId":"edge-1:d"})");
  // Of another process, or nonsense: nobody knows what was missed.
  for (const char* unknown : {"0000000000000000-1", "zz", "-", "1"}) {
    wire = listen("/api/2/things", std::string("Last-Event-ID: ") + unknown + "\r\n");
    EXPECT_EQ(lines(wire->sent).at(0), "event: reset") << unknown;
  }
}

TEST_F(TwinEvents, ForgetTheOldest) {
  event_limits.kept = 2;
  start();
  auto wire = listen("/api/2/things");
  const std::string id = last_id(wire->sent);
  for (int i = 0; i < 3; ++i) put("edge-1:t" + std::to_string(i), "{}");
  wire->close();
  wire = listen("/api/2/things", "Last-Event-ID: " + id + "\r\n");
  EXPECT_EQ(lines(wire->sent).at(0), "event: reset");
}

TEST_F(TwinEvents, BeatSoThatBothSidesKnow) {
  const auto wire = listen("/api/2/things");
  wire->take();
  world.advance(31s);
  EXPECT_EQ(wire->take(), "3\r\n:\n\n\r\n3\r\n:\n\n\r\n");
}

TEST_F(TwinEvents, LetASlowClientGo) {
  const auto wire = listen("/api/2/things"), other = listen("/api/2/things");
  wire->take();
  wire->held = 300'000;
  put("edge-1:a", R"({"attributes":{"a":1}})");
  EXPECT_THAT(lines(wire->sent), testing::ElementsAre("event: end", R"(data: {"reason":"too slow"})"));
  EXPECT_THAT(wire->sent, EndsWith("0\r\n\r\n"));
  EXPECT_EQ(lines(other->sent).size(), 1U);
  wire->take();
  put("edge-1:b", "{}");
  EXPECT_EQ(wire->sent, "");
}

TEST_F(TwinEvents, EndWhenThereAreTooMany) {
  event_limits.waiting_bytes = 1000;
  start();
  const auto wire = listen("/api/2/things");
  wire->take();
  store.hold = true;
  for (int i = 0; i < 20; ++i) put("edge-1:t" + std::to_string(i), R"({"attributes":{"a":1}})");
  store.release();
  world.advance({});
  EXPECT_THAT(wire->sent, HasSubstr("too many changes at once"));
}

TEST_F(TwinEvents, RefuseTooManyListeners) {
  event_limits.listeners = 2;
  start();
  const auto one = listen("/api/2/things"), two = listen("/api/2/things");
  EXPECT_EQ(status_of(listen("/api/2/things")->sent), 429);
  two->close();
  world.advance({});
  EXPECT_EQ(status_of(listen("/api/2/things")->sent), 200);
}

TEST_F(TwinEvents, RefuseWhatIsWrong) {
  EXPECT_EQ(status_of(listen("/api/2/things?filter=eq(")->sent), 400);
  EXPECT_EQ(status_of(listen("/api/2/things?fields=a(b")->sent), 400);
  EXPECT_EQ(status_of(listen("/api/2/things?ids=none")->sent), 400);
  EXPECT_EQ(status_of(listen("/api/2/things/edge-2:x", "Authorization: device pump\r\n")->sent), 403);
}

TEST_F(TwinEvents, EndForWhoMayListenNoMore) {
  const auto wire = listen("/api/2/things", "Authorization: viewer eve\r\n");
  world.advance(2min);
  EXPECT_THAT(wire->take(), Not(HasSubstr("event: end")));
  revoked = true;
  world.advance(2min);
  EXPECT_THAT(wire->sent, HasSubstr("not allowed any more"));
  EXPECT_THAT(wire->sent, EndsWith("0\r\n\r\n"));
}

TEST_F(TwinEvents, AreCutWhenTheServerCloses) {
  const auto wire = listen("/api/2/things");
  bool done = false;
  server->close([&] { done = true; });
  EXPECT_TRUE(wire->closing);
  world.settle({wire});
  EXPECT_TRUE(done);
  put("edge-1:a", "{}");
}

}  // namespace
}  // namespace selvedge::things
