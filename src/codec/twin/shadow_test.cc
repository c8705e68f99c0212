#include "codec/twin/shadow.h"

#include <gtest/gtest.h>

namespace selvedge::codec::twin {
namespace {

using Says = ShadowHalf::Says;

base::Result<ShadowRequest> update(std::string_view text, bool whole = true) {
  ShadowRequest request;
  TRY(decode_update(base::as_bytes(text), whole, request));
  return request;
}

TEST(ShadowTopic, NamesDeviceFeatureAndVerb) {
  const auto whole = parse_shadow_topic("$twin/pump/update");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->device, "pump");
  EXPECT_EQ(whole->feature, "");
  EXPECT_EQ(whole->verb, ShadowVerb::update);
  const auto one = parse_shadow_topic("$twin/pump/name/lamp/delete");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->feature, "lamp");
  EXPECT_EQ(one->verb, ShadowVerb::remove);
  EXPECT_EQ(parse_shadow_topic("$twin/name/get")->device, "name");
  EXPECT_EQ(shadow_prefix("pump", ""), "$twin/pump");
  EXPECT_EQ(shadow_prefix("pump", "lamp"), "$twin/pump/name/lamp");
}

TEST(ShadowTopic, IsNothingElse) {
  for (const char* topic :
       {"", "$twin", "$twin/", "$twin/pump", "$twin/pump/", "$twin//get", "$twin/pump/get/accepted",
        "$twin/pump/name/get", "$twin/pump/name//get", "$twin/pump/update/delta", "twin/pump/get",
        "$twin/pump/name/lamp/get/rejected", "$twin/pump/put", "$twin/pump/update/"})
    EXPECT_FALSE(parse_shadow_topic(topic)) << topic;
}

TEST(CommandTopic, LeadsThereAndBack) {
  const std::string topic = command_topic("pump", "", "blink", "01ab");
  EXPECT_EQ(topic, "$command/pump/blink/01ab");
  const std::string back = topic + "/reply";
  const auto reply = parse_reply_topic(back);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->device, "pump");
  EXPECT_EQ(reply->correlation, "01ab");
  EXPECT_EQ(reply->status, 200);
  const std::string refusal = command_topic("pump", "lamp", "blink", "7") + "/reply/503";
  const auto refused = parse_reply_topic(refusal);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->device, "pump");
  EXPECT_EQ(refused->correlation, "7");
  EXPECT_EQ(refused->status, 503);
}

TEST(CommandTopic, TakesNothingElseForAReply) {
  for (const char* topic :
       {"", "$command/", "$command/pump", "$command/pump/blink/1", "$command/pump/blink/1/replies",
        "$command//blink/1/reply", "$command/pump//1/reply", "$command/pump/blink//reply",
        "$command/pump/blink/1/reply/99", "$command/pump/blink/1/reply/600",
        "$command/pump/blink/1/reply/x", "$command/pump/name/lamp/blink/reply",
        "$command/pump/blink/1/reply/200/more", "$command/pump/blink/1/reply/"})
    EXPECT_FALSE(parse_reply_topic(topic)) << topic;
}

TEST(ShadowUpdate, GivesEachFeatureAsJson) {
  const auto request = update(
      R"({"state":{"reported":{"lamp":{"on":true,"hue":[1, 2]},"fan":null}},"version":7,"clientToken":"a"})");
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->reported.says, Says::members);
  ASSERT_EQ(request->reported.members.size(), 2u);
  EXPECT_EQ(request->reported.members[0].first, "lamp");
  EXPECT_EQ(request->reported.members[0].second, R"({"on":true,"hue":[1,2]})");
  EXPECT_EQ(request->reported.members[1].second, "null");
  EXPECT_EQ(request->desired.says, Says::nothing);
  EXPECT_EQ(request->version, 7u);
  EXPECT_EQ(request->client_token, "a");
}

TEST(ShadowUpdate, OfOneFeatureHasPropertiesOfAnyKind) {
  const auto request = update(R"({"state":{"desired":{"on":true,"level":2.5,"name":"ä\"b"}}})", false);
  ASSERT_TRUE(request) << request.error().message;
  ASSERT_EQ(request->desired.members.size(), 3u);
  EXPECT_EQ(request->desired.members[0].second, "true");
  EXPECT_EQ(request->desired.members[1].second, "2.5");
  EXPECT_EQ(request->desired.members[2].second, "\"ä\\\"b\"");
}

TEST(ShadowUpdate, ClearsAHalfWithNull) {
  const auto request = update(R"({"state":{"desired":null}})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->desired.says, Says::clear);
}

TEST(ShadowUpdate, SaysWhatIsWrong) {
  const struct {
    const char *text, *says;
  } cases[] = {
      {"", "no JSON"},
      {"{", "no JSON"},
      {"[]", "no JSON object"},
      {"{}", "no state"},
      {R"({"state":1})", "must be an object"},
      {R"({"state":{}})", "neither"},
      {R"({"state":{"reported":1}})", "object or null"},
      {R"({"state":{"reported":{"temp":5}}})", "features"},
      {R"({"state":{"delta":{}}})", "delta"},
      {R"({"state":{"reported":{}},"version":-1})", "whole number"},
      {R"({"state":{"reported":{}},"version":"1"})", "whole number"},
      {R"({"state":{"reported":{}},"clientToken":1})", "text"},
      {R"({"state":{"reported":{}},"clientToken":"01234567890123456789012345678901234567890123456789012345678901234"})",
       "64 bytes"},
  };
  for (const auto& c : cases) {
    const auto request = update(c.text);
    ASSERT_FALSE(request) << c.text;
    EXPECT_EQ(request.error().code, base::Code::invalid_input);
    EXPECT_NE(request.error().message.find(c.says), std::string::npos)
        << c.text << ": " << request.error().message;
  }
  const std::string deep = R"({"state":{"reported":{"a":)" + std::string(500, '[') +
                           std::string(500, ']') + "}}}";
  EXPECT_FALSE(update(deep, false));
}

TEST(ShadowUpdate, KeepsTheTokenOfWhatItRefuses) {
  ShadowRequest request;
  EXPECT_FALSE(decode_update(base::as_bytes(R"({"clientToken":"t","state":3})"), true, request));
  EXPECT_EQ(request.client_token, "t");
}

TEST(ShadowRequest, MayBeEmptyOrHaveATokenAndAVersion) {
  ShadowRequest request;
  EXPECT_TRUE(decode_request({}, request));
  EXPECT_TRUE(decode_request(base::as_bytes(R"({"clientToken":"x","version":3})"), request));
  EXPECT_EQ(request.client_token, "x");
  EXPECT_EQ(request.version, 3u);
  EXPECT_FALSE(decode_request(base::as_bytes("get"), request));
}

}  // namespace
}  // namespace selvedge::codec::twin
