#include "node/own_topics.h"

#include <gtest/gtest.h>

#include "node/topic_access.h"

namespace selvedge::node {
namespace {

TEST(OwnTopics, ADeviceStaysInItsSubtree) {
  const auto access = with_own_topics(device_access(), {"{device}/#"});
  for (const char* topic : {"pump", "pump/1", "pump/a/b/c"}) {
    EXPECT_TRUE(access.may_publish("pump", topic)) << topic;
    EXPECT_TRUE(access.may_subscribe("pump", topic)) << topic;
  }
  for (const char* topic : {"", "pump2", "pump2/x", "boiler/pump", "pum", "PUMP/1", "/pump"})
    EXPECT_FALSE(access.may_publish("pump", topic)) << topic;
  for (const char* filter : {"pump/#", "pump/+/x"}) EXPECT_TRUE(access.may_subscribe("pump", filter)) << filter;
  for (const char* filter : {"#", "+", "+/#", "+/1", "boiler/#"})
    EXPECT_FALSE(access.may_subscribe("pump", filter)) << filter;
}

TEST(OwnTopics, TemplatesMayHaveAPrefixAndATail) {
  const auto access = with_own_topics({}, {"site/{device}/out", "site/{device}/in/#"});
  EXPECT_TRUE(access.may_publish("pump", "site/pump/out"));
  EXPECT_FALSE(access.may_publish("pump", "site/pump/out/x"));
  EXPECT_FALSE(access.may_publish("pump", "site/pump/output"));
  EXPECT_TRUE(access.may_subscribe("pump", "site/pump/in/+"));
  EXPECT_FALSE(access.may_subscribe("pump", "site/+/in/x"));
  EXPECT_FALSE(access.may_publish("pump", "site/boiler/out"));
}

TEST(OwnTopics, WhatTheNodeServesKeepsDevicesApartWithAndWithoutIt) {
  const auto open = device_access(), closed = with_own_topics(device_access(), {"{device}/#"});
  for (const auto& access : {open, closed}) {
    EXPECT_TRUE(access.may_subscribe("pump", "$twin/pump/#"));
    EXPECT_FALSE(access.may_subscribe("pump", "$twin/boiler/#"));
    EXPECT_FALSE(access.may_subscribe("pump", "$twin/#"));
    EXPECT_FALSE(access.may_subscribe("pump", "$command/+/#"));
    EXPECT_FALSE(access.may_publish("pump", "$twin/boiler/update"));
  }
  EXPECT_TRUE(open.may_publish("pump", "boiler/x"));
}

TEST(OwnTopics, RefusesTemplatesThatFixNothing) {
  EXPECT_TRUE(check_own_topics({"{device}/#", "a/{device}", "{device}"}));
  for (const char* wrong : {"", "#", "a/#", "x{device}/#", "{device}x", "+/{device}", "{device}/+",
                            "{device}/{device}", "$twin/{device}", "{device}#"})
    EXPECT_FALSE(check_own_topics({wrong})) << wrong;
  EXPECT_FALSE(check_own_topics({}));
}

}  // namespace
}  // namespace selvedge::node
