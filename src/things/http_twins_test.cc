// Requests and what they are answered, one line each.

#include "things/http_fixture.h"

namespace selvedge::things {
namespace {

using testing::HasSubstr;
using testing::Not;

// Members stand in order, as they come back.
const std::string pump = R"({"thingId":"edge-1:pump","definition":"a:b:1","attributes":{"deep":{"x":[1,2]},"n":1,)"
                         R"("place":"hall"},"features":{"boiler":{"properties":{"temp":80}},"lamp":{"properties":)"
                         R"({"lux":3.5,"on":false},"desiredProperties":{"on":true}}}})";

struct Case {
  const char* what;
  const char* method;
  const char* target;
  const char* body = "";
  const char* headers = "";
  int status = 200;
  std::vector<const char*> holds = {};  // of head or body
  const char* is = nullptr;             // the body
};

class TwinHttp : public TwinServer {
 protected:
  void run(const std::vector<Case>& cases) {
    for (const Case& c : cases) {
      const std::string answer = ask(c.method, c.target, c.body, c.headers);
      EXPECT_EQ(status_of(answer), c.status) << c.what << "\n" << answer;
      for (const char* part : c.holds) EXPECT_THAT(answer, HasSubstr(part)) << c.what;
      if (c.is != nullptr) {
        EXPECT_EQ(body_of(answer), c.is) << c.what;
      }
    }
  }
};

TEST_F(TwinHttp, MakesReadsChangesAndRemoves) {
  run({
      {"nothing yet", "GET", "/api/2/things/edge-1:pump", "", "", 404,
       {"application/problem+json", "\"error\":\"things:thing.notfound\"", "\"message\":", "\"detail\":"}},
      {"an empty list", "GET", "/api/2/things", "", "", 200, {}, "[]"},
      {"a part of nothing", "PUT", "/api/2/things/edge-1:pump/attributes/a", "1", "", 404, {"thing.notfound"}},
      {"made", "PUT", "/api/2/things/edge-1:pump", pump.c_str(), "", 201,
       {"ETag: \"rev:1\"", "Location: /api/2/things/edge-1:pump", "\"thingId\":\"edge-1:pump\""}},
      {"replaced", "PUT", "/api/2/things/edge-1:pump", pump.c_str(), "", 204, {"ETag: \"rev:1\""}},
      {"read", "GET", "/api/2/things/edge-1:pump", "", "", 200, {"ETag: \"rev:1\""}, pump.c_str()},
      {"head", "HEAD", "/api/2/things/edge-1:pump", "", "", 200, {"ETag: \"rev:1\""}, ""},
      {"escaped colon", "GET", "/api/2/things/edge-1%3Apump/attributes/n", "", "", 200, {}, "1"},
      {"an attribute", "GET", "/api/2/things/edge-1:pump/attributes/place", "", "", 200, {"ETag: \"hash:"},
       "\"hall\""},
      {"deep", "GET", "/api/2/things/edge-1:pump/attributes/deep/x", "", "", 200, {}, "[1,2]"},
      {"all attributes", "GET", "/api/2/things/edge-1:pump/attributes/", "", "", 200, {"\"place\":\"hall\""}},
      {"a feature", "GET", "/api/2/things/edge-1:pump/features/boiler", "", "", 200, {},
       R"({"properties":{"temp":80}})"},
      {"features", "GET", "/api/2/things/edge-1:pump/features", "", "", 200, {"\"lamp\":", "\"boiler\":"}},
      {"properties", "GET", "/api/2/things/edge-1:pump/features/lamp/properties", "", "", 200, {"\"lux\":3.5"}},
      {"desired", "GET", "/api/2/things/edge-1:pump/features/lamp/desiredProperties/on", "", "", 200, {}, "true"},
      {"definition", "GET", "/api/2/things/edge-1:pump/definition", "", "", 200, {}, "\"a:b:1\""},
      {"no such attribute", "GET", "/api/2/things/edge-1:pump/attributes/none", "", "", 404,
       {"things:attribute.notfound"}},
      {"no such feature", "GET", "/api/2/things/edge-1:pump/features/none", "", "", 404,
       {"things:feature.notfound"}},
      {"no such property", "GET", "/api/2/things/edge-1:pump/features/lamp/properties/none", "", "", 404,
       {"things:feature.property.notfound"}},
      {"a new attribute", "PUT", "/api/2/things/edge-1:pump/attributes/b", "{\"c\":1}", "", 201,
       {"Location: /api/2/things/edge-1:pump/attributes/b", "ETag: \"hash:"}, "{\"c\":1}"},
      {"the same again", "PUT", "/api/2/things/edge-1:pump/attributes/b", "{\"c\":2}", "", 204, {"ETag: \"hash:"}},
      {"a new feature", "PUT", "/api/2/things/edge-1:pump/features/fan", "{\"properties\":{\"rpm\":1}}", "", 201},
      {"a wish", "PUT", "/api/2/things/edge-1:pump/features/fan/desiredProperties/rpm", "900", "", 201},
      {"a definition", "PUT", "/api/2/things/edge-1:pump/definition", "\"c:d:2\"", "", 204},
      {"removed attribute", "DELETE", "/api/2/things/edge-1:pump/attributes/b", "", "", 204},
      {"removed twice", "DELETE", "/api/2/things/edge-1:pump/attributes/b", "", "", 404, {"attribute.notfound"}},
      {"removed feature", "DELETE", "/api/2/things/edge-1:pump/features/fan", "", "", 204},
      {"created by POST", "POST", "/api/2/things", R"({"thingId":"edge-1:fan","attributes":{"a":1}})", "", 201,
       {"Location: /api/2/things/edge-1:fan", "\"a\":1"}},
      {"POST of one there is", "POST", "/api/2/things", R"({"thingId":"edge-1:fan"})", "", 409,
       {"things:thing.conflict"}},
      {"POST without an id", "POST", "/api/2/things?namespace=edge-2", "{\"attributes\":{\"z\":1}}", "", 201,
       {"Location: /api/2/things/edge-2:t-"}},
      {"removed", "DELETE", "/api/2/things/edge-1:fan", "", "", 204},
      {"gone", "GET", "/api/2/things/edge-1:fan", "", "", 404},
      {"removed again", "DELETE", "/api/2/things/edge-1:fan", "", "", 404},
  });
}

TEST_F(TwinHttp, Patches) {
  put("edge-1:pump", pump);
  const char* merge = "Content-Type: application/merge-patch+json\r\n";
  const char* patch = "Content-Type: application/json-patch+json; charset=utf-8\r\n";
  run({
      {"merge", "PATCH", "/api/2/things/edge-1:pump",
       R"({"attributes":{"place":null,"n":2},"features":{"lamp":{"properties":{"on":true}}}})", merge, 204,
       {"ETag: \"rev:2\""}},
      {"merged", "GET", "/api/2/things/edge-1:pump?fields=attributes,features/lamp/properties/on", "", "", 200, {},
       R"({"attributes":{"deep":{"x":[1,2]},"n":2},"features":{"lamp":{"properties":{"on":true}}}})"},
      {"merge of a part", "PATCH", "/api/2/things/edge-1:pump/features/lamp/properties", "{\"lux\":null}", merge, 204},
      {"gone", "GET", "/api/2/things/edge-1:pump/features/lamp/properties/lux", "", "", 404},
      {"merge makes a twin", "PATCH", "/api/2/things/edge-1:new", "{\"attributes\":{\"a\":1}}", merge, 201},
      {"JSON Patch", "PATCH", "/api/2/things/edge-1:pump",
       R"([{"op":"test","path":"/attributes/n","value":2},{"op":"replace","path":"/attributes/n","value":3}])", patch,
       204},
      {"patched", "GET", "/api/2/things/edge-1:pump/attributes/n", "", "", 200, {}, "3"},
      {"a test that fails", "PATCH", "/api/2/things/edge-1:pump",
       R"([{"op":"test","path":"/attributes/n","value":2},{"op":"remove","path":"/attributes"}])", patch, 409},
      {"nothing of it was done", "GET", "/api/2/things/edge-1:pump/attributes/n", "", "", 200, {}, "3"},
      {"no such place", "PATCH", "/api/2/things/edge-1:pump", R"([{"op":"remove","path":"/attributes/zz"}])", patch,
       404},
      {"another type", "PATCH", "/api/2/things/edge-1:pump", "x", "Content-Type: text/plain\r\n", 415,
       {"Accept-Patch: application/merge-patch+json"}},
      {"no JSON", "PATCH", "/api/2/things/edge-1:pump", "{", merge, 400},
      {"no patch", "PATCH", "/api/2/things/edge-1:pump", "{\"op\":1}", patch, 400},
  });
}

TEST_F(TwinHttp, KeepsToPreconditions) {
  put("edge-1:pump", pump);
  const std::string tag = header_of(ask("GET", "/api/2/things/edge-1:pump/attributes/n"), "ETag");
  const std::string matching = "If-Match: " + tag + "\r\n", not_matching = "If-None-Match: W/" + tag + "\r\n";
  run({
      {"not modified", "GET", "/api/2/things/edge-1:pump", "", "If-None-Match: \"rev:1\"\r\n", 304, {"ETag: \"rev:1\""},
       ""},
      {"a list of tags", "GET", "/api/2/things/edge-1:pump", "", "If-None-Match: \"rev:9\", \"rev:1\"\r\n", 304},
      {"modified", "GET", "/api/2/things/edge-1:pump", "", "If-None-Match: \"rev:0\"\r\n", 200},
      {"part not modified", "GET", "/api/2/things/edge-1:pump/attributes/n", "", not_matching.c_str(), 304},
      {"read if it matches", "GET", "/api/2/things/edge-1:pump", "", "If-Match: \"rev:7\"\r\n", 412},
      {"lost update", "PUT", "/api/2/things/edge-1:pump/attributes/n", "5", "If-Match: \"hash:0\"\r\n", 412,
       {"things:precondition.failed"}},
      {"update", "PUT", "/api/2/things/edge-1:pump/attributes/n", "5", matching.c_str(), 204},
      {"and not again", "PUT", "/api/2/things/edge-1:pump/attributes/n", "6", matching.c_str(), 412},
      {"only if it exists", "PUT", "/api/2/things/edge-1:pump/attributes/new", "1", "If-Match: *\r\n", 412},
      {"only if it does not", "PUT", "/api/2/things/edge-1:pump/attributes/new", "1", "If-None-Match: *\r\n", 201},
      {"only once", "PUT", "/api/2/things/edge-1:pump/attributes/new", "2", "If-None-Match: *\r\n", 412},
      {"revision", "PATCH", "/api/2/things/edge-1:pump", "{}", "If-Match: \"rev:1\"\r\n", 412},
      {"removal", "DELETE", "/api/2/things/edge-1:pump", "", "If-Match: \"rev:1\"\r\n", 412},
      {"condition holds", "PUT", "/api/2/things/edge-1:pump/attributes/n?condition=eq(attributes/n,5)", "6", "", 204},
      {"condition fails", "PUT", "/api/2/things/edge-1:pump/attributes/n?condition=eq(attributes/n,5)", "7", "", 412,
       {"condition"}},
      {"condition in a header", "DELETE", "/api/2/things/edge-1:pump/attributes/n", "",
       "condition: ne(attributes/n,6)\r\n", 412},
      {"condition that is none", "GET", "/api/2/things/edge-1:pump?condition=eq(", "", "", 400,
       {"rql.expression.invalid"}},
      {"skip", "PUT", "/api/2/things/edge-1:pump/attributes/n", "6", "if-equal: skip\r\n", 304},
      {"update all the same", "PUT", "/api/2/things/edge-1:pump/attributes/n", "6", "if-equal: update\r\n", 204},
      {"skip what differs", "PUT", "/api/2/things/edge-1:pump/attributes/n", "7", "if-equal: skip\r\n", 204},
      {"another word", "PUT", "/api/2/things/edge-1:pump/attributes/n", "7", "if-equal: maybe\r\n", 400},
  });
}

TEST_F(TwinHttp, RefusesWhatIsWrong) {
  put("edge-1:pump", pump);
  const std::string large = "\"" + std::string(70'000, 'x') + "\"";
  const std::string long_path = "/api/2/things/edge-1:pump/attributes/" + std::string(5000, 'a');
  run({
      {"no id", "GET", "/api/2/things/pump", "", "", 400, {"not the id of a twin"}},
      {"two colons", "GET", "/api/2/things/a:b:c", "", "", 400},
      {"an id with a slash in it", "GET", "/api/2/things/..%2fa:b", "", "", 400},
      {"no such part", "GET", "/api/2/things/edge-1:pump/policyId", "", "", 404, {"expected attributes"}},
      {"no such half", "PUT", "/api/2/things/edge-1:pump/features/lamp/values", "1", "", 404},
      {"empty body", "PUT", "/api/2/things/edge-1:pump/attributes/a", "", "Content-Length: 0\r\n", 400, {"json.invalid"}},
      {"no JSON", "PUT", "/api/2/things/edge-1:pump/attributes/a", "{\"a\":}", "", 400},
      {"two values", "PUT", "/api/2/things/edge-1:pump/attributes/a", "1 2", "", 400},
      {"another's document", "PUT", "/api/2/things/edge-1:pump", R"({"thingId":"edge-1:fan"})", "", 400,
       {"things:id.notsettable"}},
      {"a twin that is none", "PUT", "/api/2/things/edge-1:pump", "[1]", "", 400},
      {"POST of no object", "POST", "/api/2/things", "[]", "", 400},
      {"too large", "PUT", "/api/2/things/edge-1:pump/attributes/a", large.c_str(), "", 413},
      {"too deep", "PUT", "/api/2/things/edge-1:pump/attributes/a", "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}}", "", 400},
      {"a long path", "GET", long_path.c_str(), "", "", 400},
      {"a method for nothing", "POST", "/api/2/things/edge-1:pump", "{}", "", 405},
      {"another method", "TRACE", "/api/2/things/edge-1:pump", "", "", 405, {"Allow: "}},
      {"a filter that is none", "GET", "/api/2/search/things?filter=and(", "", "", 400, {"filter"}},
      {"an option that is none", "GET", "/api/2/search/things?option=limit(3)", "", "", 400, {"expected sort"}},
      {"too large a page", "GET", "/api/2/things?option=size(5000)", "", "", 400},
      {"a cursor that is none", "GET", "/api/2/search/things?option=cursor(zz)", "", "", 400, {"cursor"}},
      {"ids that are none", "GET", "/api/2/things?ids=a,b", "", "", 400},
  });
  store.full = true;
  run({{"no room", "PUT", "/api/2/things/edge-1:pump/attributes/n", "9", "", 429, {"Retry-After: 1"}}});
}

TEST_F(TwinHttp, LetsEveryoneDoWhatIsTheirs) {
  put("edge-1:pump", pump);
  put("edge-2:pump", R"({"attributes":{"a":1}})");
  put("edge-1:_node", R"({"attributes":{"a":1}})");
  const char* viewer = "Authorization: viewer eve\r\n";
  const char* oper = "Authorization: operator alice\r\n";
  const char* node = "Authorization: node edge-2\r\n";
  const char* device = "Authorization: device pump\r\n";
  run({
      {"nobody", "GET", "/api/2/things/edge-1:pump", "", "Authorization: nobody x\r\n", 401, {"WWW-Authenticate: Bearer"}},
      {"wrong", "GET", "/api/2/things", "", "Authorization: wrong\r\n", 401},
      {"a viewer reads", "GET", "/api/2/things/edge-1:pump/attributes/n", "", viewer, 200},
      {"a viewer does not write", "PUT", "/api/2/things/edge-1:pump/attributes/n", "2", viewer, 403,
       {"operator:eve may not", "things:thing.notallowed"}},
      {"an operator writes", "PUT", "/api/2/things/edge-1:pump/attributes/n", "2", oper, 204},
      {"a node reads its own", "GET", "/api/2/things/edge-2:pump", "", node, 200},
      {"a node writes its own", "PUT", "/api/2/things/edge-2:pump/features/f/properties/p", "1", node, 201},
      {"a node begins a twin of its own by a part", "PUT", "/api/2/things/edge-2:new/attributes/a", "1", node, 201},
      {"a node does not read another's", "GET", "/api/2/things/edge-1:pump", "", node, 403},
      {"a node does not write another's", "PUT", "/api/2/things/edge-1:pump/attributes/n", "2", node, 403},
      {"a node lists its own", "GET", "/api/2/things?fields=thingId", "", node, 200, {},
       R"([{"thingId":"edge-2:new"},{"thingId":"edge-2:pump"}])"},
      {"a node counts its own", "GET", "/api/2/search/things/count", "", node, 200, {}, "2"},
      {"a node asks for others in vain", "GET", "/api/2/things?ids=edge-1:pump&fields=thingId", "", node, 200, {}, "[]"},
      {"a node asks for another's namespace", "GET", "/api/2/things?namespaces=edge-1", "", node, 200, {}, "[]"},
      {"a device reads its own", "GET", "/api/2/things/edge-1:pump/features/lamp/desiredProperties", "", device, 200},
      {"a device reports", "PUT", "/api/2/things/edge-1:pump/features/lamp/properties/on", "true", device, 204},
      {"a device has attributes", "PATCH", "/api/2/things/edge-1:pump/attributes", "{\"fw\":\"1.2\"}", device, 204},
      {"a device does not wish", "PUT", "/api/2/things/edge-1:pump/features/lamp/desiredProperties/on", "false", device,
       403},
      {"a device does not replace its twin", "PATCH", "/api/2/things/edge-1:pump", "{}", device, 403},
      {"a device does not remove a feature", "DELETE", "/api/2/things/edge-1:pump/features/lamp", "", device, 403},
      {"a device does not see others", "GET", "/api/2/things/edge-2:pump", "", device, 403},
      {"a device lists itself", "GET", "/api/2/search/things?fields=thingId", "", device, 200, {},
       R"({"items":[{"thingId":"edge-1:pump"}]})"},
      {"anybody finds the directory", "GET", "/.well-known/wot", "", "Authorization: nobody x\r\n", 200,
       {"application/td+json", "ThingDirectory", "/api/2/things"}},
  });
}

TEST_F(TwinHttp, WritesDownWhoChangedWhat) {
  put("edge-1:pump", pump);
  ask("PUT", "/api/2/things/edge-1:pump/attributes/n", "2", "Authorization: operator alice\r\n");
  ask("PUT", "/api/2/things/edge-1:pump/attributes/n", "2", "Authorization: operator alice\r\n");
  ask("PUT", "/api/2/things/edge-1:pump/attributes/n", "3", "Authorization: viewer eve\r\n");
  ask("DELETE", "/api/2/things/edge-1:pump/attributes/n", "", "Authorization: operator alice\r\n");
  ASSERT_EQ(audited.size(), 2U);  // neither what said nothing new nor what was refused
  EXPECT_EQ(audited[0].first, "operator:alice");
  EXPECT_EQ(audited[0].second.action, "twin.put");
  EXPECT_EQ(audited[0].second.target, "edge-1:pump/attributes/n");
  EXPECT_EQ(audited[0].second.before, "1");
  EXPECT_EQ(audited[0].second.after, "2");
  EXPECT_EQ(audited[1].second.action, "twin.remove");
  EXPECT_EQ(audited[1].second.after, "");
}

TEST_F(TwinHttp, AnswersAChangeWhenItIsDurable) {
  put("edge-1:pump", pump);
  store.hold = true;
  const auto wire = world.dial();
  wire->receive("PUT /api/2/things/edge-1:pump/attributes/n HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n2");
  world.advance(std::chrono::seconds(1));
  EXPECT_EQ(wire->sent, "");
  store.release();
  world.advance({});
  EXPECT_EQ(status_of(wire->sent), 204);
}

TEST_F(TwinHttp, WaitsForWhoIsAsking) {
  put("edge-1:pump", pump);
  late = true;
  EXPECT_EQ(status_of(ask("GET", "/api/2/things/edge-1:pump")), 200);
  const auto wire = world.dial();
  wire->receive("GET /api/2/things/edge-1:pump HTTP/1.1\r\nHost: h\r\n\r\n");
  api.reset();
  world.advance(std::chrono::seconds(1));
  EXPECT_EQ(status_of(wire->sent), 503);
  start();
}

TEST_F(TwinHttp, MayGoAwayWhileACommitIsUnderWay) {
  put("edge-1:pump", pump);
  store.hold = true;
  const auto wire = world.dial();
  wire->receive("PUT /api/2/things/edge-1:pump/attributes/n HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n2");
  server.reset();
  api.reset();
  store.release();
  world.advance({});
}

}  // namespace
}  // namespace selvedge::things
