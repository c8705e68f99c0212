// Lists, searches and what may be selected of twins; history; messages; Thing Descriptions.

#include "codec/json/value.h"
#include "things/http_fixture.h"

namespace selvedge::things {
namespace {

using testing::HasSubstr;
using testing::Not;

class TwinLists : public TwinServer {
 protected:
  // Twins edge-1:t0 to edge-1:t<n>, with attributes k = number modulo 3.
  void fill(int n) {
    for (int i = 0; i < n; ++i)
      put("edge-1:t" + std::to_string(i), "{\"attributes\":{\"k\":" + std::to_string(i % 3) + ",\"i\":" +
                                              std::to_string(i) + "}}");
  }
  std::string get(const std::string& target, const std::string& headers = "") {
    const std::string answer = ask("GET", target, "", headers);
    EXPECT_EQ(status_of(answer), 200) << answer;
    return body_of(answer);
  }
  // The numbers of the twins of a search, over as many pages as it takes.
  std::vector<int> pages(const std::string& option, const std::string& more, std::size_t size) {
    std::vector<int> all;
    std::string cursor;
    for (int page = 0; page < 100; ++page) {
      std::string target = "/api/2/search/things?fields=attributes/i&option=size(" + std::to_string(size) + ")";
      if (!option.empty()) target += "," + option;
      if (!cursor.empty()) target += ",cursor(" + cursor + ")";
      const auto parsed = codec::json::parse(get(target + more));
      EXPECT_TRUE(parsed);
      const auto& items = (*parsed)["items"].array();
      EXPECT_LE(items.size(), size);
      for (const auto& item : items)
        all.push_back(static_cast<int>(item["attributes"]["i"].integer(-1)));
      cursor = (*parsed)["cursor"].text();
      if (cursor.empty()) break;
    }
    return all;
  }
};

TEST_F(TwinLists, GoPageByPage) {
  fill(8);
  put("edge-2:x", "{}");
  EXPECT_EQ(pages("", "", 3), (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, -1}));
  EXPECT_EQ(pages("", "&filter=eq(attributes/k,1)", 2), (std::vector<int>{1, 4, 7}));
  EXPECT_EQ(pages("sort(-attributes/i)", "&filter=ge(attributes/i,0)", 3),
            (std::vector<int>{7, 6, 5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(pages("sort(+attributes/k,-thingId)", "&namespaces=edge-1", 2),
            (std::vector<int>{6, 3, 0, 7, 4, 1, 5, 2}));
  EXPECT_EQ(get("/api/2/things?option=size(1)&fields=thingId&namespaces=edge-2"),
            R"([{"thingId":"edge-2:x"}])");
  const std::string first = ask("GET", "/api/2/things?option=size(2)&fields=thingId");
  EXPECT_EQ(body_of(first), R"([{"thingId":"edge-1:t0"},{"thingId":"edge-1:t1"}])");
  std::string link = header_of(first, "Link");
  ASSERT_THAT(link, HasSubstr("rel=\"next\""));
  link = link.substr(1, link.find('>') - 1);
  EXPECT_EQ(get(link), R"([{"thingId":"edge-1:t2"},{"thingId":"edge-1:t3"}])");
  EXPECT_EQ(get("/api/2/things?ids=edge-1:t5,edge-9:no,edge-1:t1&fields=thingId"),
            R"([{"thingId":"edge-1:t5"},{"thingId":"edge-1:t1"}])");
}

TEST_F(TwinLists, ASortBeginsWithWhatHasNoValueAndKeepsToTypes) {
  put("edge-1:a", R"({"attributes":{"v":"text","i":0}})");
  put("edge-1:b", R"({"attributes":{"i":1}})");
  put("edge-1:c", R"({"attributes":{"v":10,"i":2}})");
  put("edge-1:d", R"({"attributes":{"v":9.5,"i":3}})");
  put("edge-1:e", R"({"attributes":{"v":true,"i":4}})");
  EXPECT_EQ(pages("sort(attributes/v)", "", 2), (std::vector<int>{1, 3, 2, 0, 4}));
  EXPECT_EQ(pages("sort(-attributes/v)", "", 2), (std::vector<int>{4, 0, 2, 3, 1}));
}

TEST_F(TwinLists, ACursorIsOfItsSearch) {
  fill(3);
  const auto parsed = codec::json::parse(get("/api/2/search/things?option=size(1)"));
  const std::string cursor = (*parsed)["cursor"].text();
  ASSERT_NE(cursor, "");
  EXPECT_EQ(status_of(ask("GET", "/api/2/search/things?option=sort(thingId),cursor(" + cursor + ")")), 400);
}

TEST_F(TwinLists, SearchesManyWithoutHoldingTheLoop) {
  for (int i = 0; i < 9'000; ++i)
    ASSERT_TRUE(store.edit("edge-1:t" + std::to_string(i),
                           {engine::TwinEdit::Kind::put, "", "{\"attributes\":{\"i\":" + std::to_string(i) + "}}"}, {}));
  const auto wire = world.dial();
  wire->receive("GET /api/2/search/things/count?filter=ge(attributes/i,8000) HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(wire->sent, "");
  world.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(body_of(wire->take()), "1000");
  EXPECT_EQ(pages("", "&filter=ge(attributes/i,8997)", 2), (std::vector<int>{8997, 8998, 8999}));
  wire->receive("GET /api/2/search/things/count?filter=eq(attributes/i,1) HTTP/1.1\r\nHost: h\r\n\r\n");
  api.reset();                         // gone in the middle of it
  world.advance(std::chrono::milliseconds(1));
  EXPECT_EQ(status_of(wire->sent), 500);
  start();
}

TEST_F(TwinLists, CountsWhatMatches) {
  fill(7);
  EXPECT_EQ(get("/api/2/search/things/count"), "7");
  EXPECT_EQ(get("/api/2/search/things/count?filter=eq(attributes/k,0)"), "3");
  EXPECT_EQ(get("/api/2/search/things/count?namespaces=edge-2"), "0");
}

TEST_F(TwinLists, SelectFields) {
  put("edge-1:p", R"({"attributes":{"a":1,"b":{"c":2,"d":3}},"features":{"f":{"properties":{"x":1,"y":2}},"g":{"properties":{"x":5}}}})");
  EXPECT_EQ(get("/api/2/things/edge-1:p?fields=attributes/b/c"), R"({"attributes":{"b":{"c":2}}})");
  EXPECT_EQ(get("/api/2/things/edge-1:p?fields=features/*/properties/x"),
            R"({"features":{"f":{"properties":{"x":1}},"g":{"properties":{"x":5}}}})");
  EXPECT_EQ(get("/api/2/things/edge-1:p?fields=thingId,_revision"),
            R"({"thingId":"edge-1:p","_revision":1})");
  EXPECT_THAT(get("/api/2/things/edge-1:p?fields=_metadata"), HasSubstr("\"timestamp\":"));
  EXPECT_EQ(get("/api/2/search/things?fields=attributes/a"), R"({"items":[{"attributes":{"a":1}}]})");
}

TEST_F(TwinLists, HistoryIsAskedOfReadings) {
  std::string asked;
  history = [&](const std::string& node, const std::string& series, const engine::QueryRange& range, auto done) {
    asked = node + " " + series + " " + std::to_string(range.rows);
    if (series == "twin/pump/boiler/none") return done(base::fail(base::Code::not_found, "unknown"));
    engine::QueryResult result;
    result.readings.times = {1'000'000'000};
    result.readings.float64 = {21.5};
    done(std::move(result));
  };
  start();
  put("edge-1:pump", R"({"attributes":{"history":{"boiler/lux":"hall/lux"}},"features":{"boiler":{"properties":{"temp":1,"history":{"history":3}}}}})");
  const std::string at = "/api/2/things/edge-1:pump/features/boiler/properties/";
  EXPECT_THAT(get(at + "temp/history?from=-1h&limit=7"), HasSubstr("\"rows\":[[\"1970-01-01T00:00:01Z\",21.5]]"));
  EXPECT_EQ(asked, "edge-1 twin/pump/boiler/temp 7");
  get(at + "lux/history");
  EXPECT_EQ(asked, "edge-1 hall/lux 100000");
  get(at + "deep/er/history?limit=1");
  EXPECT_EQ(asked, "edge-1 twin/pump/boiler/deep/er 1");
  EXPECT_EQ(get(at + "history/history"), "3");  // what the twin has comes first
  EXPECT_EQ(status_of(ask("GET", at + "none/history")), 404);
  EXPECT_EQ(status_of(ask("GET", at + "temp/history?agg=mean")), 400);
  EXPECT_EQ(status_of(ask("GET", at + "temp/history", "", "Authorization: device fan\r\n")), 403);
  EXPECT_EQ(status_of(ask("GET", "/api/2/things/edge-1:no/features/boiler/properties/temp/history")), 404);
}

TEST_F(TwinLists, MessagesAreAnsweredByTheDevice) {
  std::vector<std::pair<Command, CommandDone>> sent;
  send = [&](Command command, CommandDone done) { sent.emplace_back(std::move(command), std::move(done)); };
  start();
  const auto wire = world.dial();
  wire->receive("POST /api/2/things/edge-1:pump/features/lamp/inbox/messages/blink?timeout=3 HTTP/1.1\r\nHost: h\r\n"
                "Content-Type: text/plain\r\nCorrelation-Id: c-7\r\nContent-Length: 4\r\n\r\nfast");
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].first.id, "edge-1:pump");
  EXPECT_EQ(sent[0].first.feature, "lamp");
  EXPECT_EQ(sent[0].first.subject, "blink");
  EXPECT_EQ(sent[0].first.content_type, "text/plain");
  EXPECT_EQ(base::as_text(sent[0].first.payload), "fast");
  EXPECT_EQ(sent[0].first.deadline, std::chrono::seconds(3));
  sent[0].second({201, "text/csv", base::to_bytes("a,b"), true});
  EXPECT_EQ(status_of(wire->sent), 201);
  EXPECT_THAT(wire->sent, HasSubstr("Content-Type: text/csv\r\n"));
  EXPECT_THAT(wire->sent, HasSubstr("correlation-id: c-7\r\n"));
  EXPECT_EQ(body_of(wire->take()), "a,b");

  const auto post = [&](const std::string& target, const std::string& headers = "") {
    wire->take();
    wire->receive("POST /api/2/things/" + target + " HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n" + headers + "\r\n");
  };
  post("edge-1:pump/inbox/messages/reset");
  ASSERT_EQ(sent.size(), 2U);
  sent[1].second({408, "", base::to_bytes("no answer in time"), false});
  EXPECT_EQ(status_of(wire->sent), 408);
  EXPECT_THAT(wire->sent, HasSubstr("messages:timeout"));
  post("edge-1:pump/inbox/messages/reset?timeout=0");
  EXPECT_EQ(status_of(wire->sent), 202);
  post("edge-1:pump/inbox/messages/reset");
  sent.back().second({500, "application/json", base::to_bytes("{\"broken\":true}"), true});
  EXPECT_EQ(status_of(wire->sent), 500);
  EXPECT_EQ(body_of(wire->sent), "{\"broken\":true}");  // its own words
  post("edge-1:pump/inbox/messages/reset?timeout=1h");
  EXPECT_EQ(status_of(wire->sent), 400);
  post("edge-1:pump/inbox/messages/reset", "Authorization: viewer eve\r\n");
  EXPECT_EQ(status_of(wire->sent), 403);
  EXPECT_EQ(sent.size(), 4U);
  EXPECT_EQ(audited.size(), 4U);
  send = nullptr;
  start();
  EXPECT_EQ(status_of(ask("POST", "/api/2/things/edge-1:pump/inbox/messages/reset", "1")), 404);
  EXPECT_EQ(status_of(ask("GET", "/api/2/things/edge-1:pump/inbox/messages/reset")), 405);
}

TEST_F(TwinLists, DescribeThingsForTheWeb) {
  put("edge-1:pump",
      R"({"definition":"https://example.org/models/pump.tm.json","attributes":{"place":"hall"},"features":{"lamp":{"properties":{"on":false,"lux":3.5,"log":[1],"mode":{"a":1}},"desiredProperties":{"on":true}},"a/b":{"properties":{"n":1}},"empty":{}}})");
  const std::string answer = ask("GET", "/api/2/things/edge-1:pump", "", "Accept: application/td+json\r\n");
  EXPECT_EQ(header_of(answer, "Content-Type"), "application/td+json");
  const auto td = codec::json::parse(body_of(answer));
  ASSERT_TRUE(td) << answer;
  EXPECT_EQ((*td)["@context"].text(), "https://www.w3.org/2022/wot/td/v1.1");
  EXPECT_EQ((*td)["id"].text(), "urn:selvedge:twin:edge-1:pump");
  EXPECT_EQ((*td)["title"].text(), "edge-1:pump");
  EXPECT_EQ((*td)["base"].text(), "http://h/");
  EXPECT_EQ((*td)["security"].text(), "either");
  EXPECT_TRUE((*td)["securityDefinitions"]["either"].is_object());
  const auto& properties = (*td)["properties"];
  EXPECT_EQ(properties.object().size(), 6U);
  EXPECT_EQ(properties["lamp/lux"]["type"].text(), "number");
  EXPECT_TRUE(properties["lamp/lux"]["readOnly"].boolean());
  EXPECT_EQ(properties["lamp/log"]["type"].text(), "array");
  EXPECT_EQ(properties["lamp/mode"]["type"].text(), "object");
  EXPECT_EQ(properties["a/b/n"]["type"].text(), "integer");
  EXPECT_EQ(properties["a/b/n"]["forms"].array().at(0)["href"].text(),
            "/api/2/things/edge-1:pump/features/a~1b/properties/n");
  EXPECT_EQ(properties["attributes/place"]["type"].text(), "string");
  EXPECT_FALSE(properties["attributes/place"]["readOnly"].boolean(true));
  const auto& on = properties["lamp/on"];
  EXPECT_EQ(on["type"].text(), "boolean");
  EXPECT_FALSE(on["readOnly"].boolean(true));
  ASSERT_EQ(on["forms"].array().size(), 3U);
  EXPECT_EQ(on["forms"].array()[1]["op"].text(), "writeproperty");
  EXPECT_EQ(on["forms"].array()[1]["href"].text(),
            "/api/2/things/edge-1:pump/features/lamp/desiredProperties/on");
  EXPECT_EQ(on["forms"].array()[2]["subprotocol"].text(), "sse");
  EXPECT_EQ((*td)["links"].array().at(1)["rel"].text(), "type");
  EXPECT_EQ(status_of(ask("GET", "/api/2/things/edge-1:no", "", "Accept: application/td+json\r\n")), 404);
  const std::string list = ask("GET", "/api/2/things", "", "Accept: application/td+json\r\n");
  EXPECT_EQ(header_of(list, "Content-Type"), "application/td+json");
  EXPECT_EQ(codec::json::parse(body_of(list))->array().size(), 1U);
  EXPECT_TRUE(codec::json::parse(body_of(ask("GET", "/.well-known/wot"))));
}

}  // namespace
}  // namespace selvedge::things
