// Members reach each other and nobody else, and what one sends is bounded.

#include "node/site_links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "os/fake/simulation.h"

namespace selvedge::node {
namespace {

using namespace std::chrono_literals;
using engine::SiteBeat;
using engine::SiteDocument;
using os::fake::Certificate;
using os::fake::Cut;

SiteTrust trust_of(const std::string& role, const std::string& name, std::set<std::string> revoked = {}) {
  Certificate own;
  own.common_name = name;
  own.uris = {"urn:selvedge:" + role + ":" + name};
  own.dns = {name};
  own.serial = "0" + name;
  return {os::fake::tls_config(own), [revoked = std::move(revoked)](const std::string& serial) { return revoked.contains(serial); }};
}

class SiteLinksTest : public testing::Test {
 protected:
  struct Member {
    base::Registry metrics;
    std::unique_ptr<SiteLinks> links;
    std::vector<std::string> opened, heard;
  };
  ~SiteLinksTest() override {
    for (auto& [name, member] : members) member.links.reset();
  }

  SiteLinksConfig config_of(const std::string& name, const std::vector<std::string>& all = {"a", "b", "c"}) {
    SiteLinksConfig config{"hall", name, ":8885", {}, limits};
    for (const std::string& other : all)
      if (other != name) config.members[other] = {other, 8885};
    return config;
  }
  void start(const std::string& name, SiteLinksConfig config, const SiteTrust& trust) {
    Member& member = members[name];
    SiteLinksHost host;
    host.opened = [&member](const std::string& other) { member.opened.push_back(other); };
    host.received = [&member](const std::string& other, const engine::SiteFrame& frame) {
      const auto* const document = std::get_if<SiteDocument>(&frame);
      member.heard.push_back(other + " " + (document != nullptr ? document->json : "beat"));
    };
    member.links = std::make_unique<SiteLinks>(sim.machine(name), std::move(config), std::move(host), member.metrics);
    const auto started = member.links->start(trust);
    ASSERT_TRUE(started) << started.error().message;
  }
  void start(const std::string& name) { start(name, config_of(name), trust_of("node", name)); }
  bool connected(const std::string& from, const std::string& to) {
    return sim.run_until([&] { return members[from].links->connected(to); }, 10s);
  }
  void say(const std::string& from, const std::string& json) { members[from].links->send_all(SiteDocument{"t", 1, 1, 0, json}); }
  static SiteBeat beat(const std::string& node, std::uint64_t sequence) {
    SiteBeat made;
    made.node = node;
    made.sequence = sequence;
    return made;
  }
  double refused(const std::string& name) {
    const std::string page = members[name].metrics.text();
    const std::string line = "\nselvedge_site_refused_total ";
    return std::stod(page.substr(page.find(line) + line.size()));
  }

  os::fake::Simulation sim{3};
  SiteLinksLimits limits;
  std::map<std::string, Member> members;
};

TEST_F(SiteLinksTest, EachMemberSaysWhatItHasToSayToEachOther) {
  for (const char* name : {"a", "b", "c"}) start(name);
  for (const char* to : {"b", "c"}) ASSERT_TRUE(connected("a", to));
  ASSERT_TRUE(connected("b", "a"));
  say("a", "x");
  say("b", "y");
  members["b"].links->send("a", beat("b", 1));
  sim.run_for(1s);
  EXPECT_THAT(members["b"].heard, testing::ElementsAre("a x"));
  EXPECT_THAT(members["c"].heard, testing::UnorderedElementsAre("a x", "b y"));
  EXPECT_THAT(members["a"].heard, testing::ElementsAre("b y", "b beat"));
}

TEST_F(SiteLinksTest, NobodyElseIsLetIn) {
  start("a");
  struct Stranger {
    const char *role, *name;
  };
  for (const Stranger& who : {Stranger{"device", "b"}, Stranger{"node", "z"}, Stranger{"node", "a"}, Stranger{"operator", "c"}}) {
    const std::string machine = std::string(who.role) + "-" + who.name;
    SiteLinksConfig config = config_of("b");
    start(machine, std::move(config), trust_of(who.role, who.name));
    sim.run_for(5s);
    say(machine, "let me in");
    sim.run_for(1s);
    EXPECT_TRUE(members["a"].heard.empty()) << machine;
    members[machine].links->stop();
  }
  EXPECT_GT(refused("a"), 3);
}

TEST_F(SiteLinksTest, ANodeThatAnswersForAnotherIsNotSpokenTo) {
  start("a");
  SiteLinksConfig config = config_of("c");
  config.members = {{"a", {"a", 8885}}};
  // Where b should be, c is.
  start("b", std::move(config), trust_of("node", "c"));
  sim.run_for(5s);
  EXPECT_THAT(members["a"].opened, testing::IsEmpty());
}

TEST_F(SiteLinksTest, MembersOfAnotherListAreNotListenedTo) {
  start("a");
  start("b", config_of("b", {"a", "b", "c", "d"}), trust_of("node", "b"));
  ASSERT_TRUE(connected("b", "a"));
  say("b", "x");
  sim.run_for(1s);
  EXPECT_TRUE(members["a"].heard.empty());
  EXPECT_GT(refused("a"), 0);
}

TEST_F(SiteLinksTest, NobodySpeaksForAnother) {
  start("a");
  start("b");
  ASSERT_TRUE(connected("b", "a"));
  members["b"].links->send("a", beat("c", 1));
  sim.run_for(100ms);
  EXPECT_TRUE(members["a"].heard.empty());
  EXPECT_EQ(refused("a"), 1);
}

TEST_F(SiteLinksTest, WhoSendsTooMuchIsCutOffAndMayCallAgain) {
  limits.frames_burst = 10;
  start("a");
  start("b");
  ASSERT_TRUE(connected("b", "a"));
  for (std::uint64_t i = 0; i < 500; ++i) members["b"].links->send("a", beat("b", i));
  sim.run_for(50ms);
  EXPECT_LT(members["a"].heard.size(), 40u);
  EXPECT_EQ(refused("a"), 1);
  members["a"].heard.clear();
  sim.run_for(10s);
  ASSERT_TRUE(connected("b", "a"));
  say("b", "x");
  sim.run_for(1s);
  EXPECT_THAT(members["a"].heard, testing::ElementsAre("b x"));
}

TEST_F(SiteLinksTest, ASilentCutIsGotOverSoonAfterItIsMended) {
  start("a");
  start("b");
  ASSERT_TRUE(connected("a", "b") && connected("b", "a"));
  sim.link("a", "b").cut(Cut::silent);
  for (int i = 0; i < 120; ++i) {
    for (const char* name : {"a", "b"}) members[name].links->send_all(beat(name, static_cast<std::uint64_t>(i)));
    sim.run_for(500ms);
  }
  sim.link("a", "b").mend();
  members["a"].heard.clear();
  const base::Instant from = sim.now();
  while (members["a"].heard.empty() && sim.now() - from < 1min) {
    for (const char* name : {"a", "b"}) members[name].links->send_all(beat(name, static_cast<std::uint64_t>(sim.now().ns)));
    sim.run_for(100ms);
  }
  EXPECT_LE(sim.now() - from, 6s);
}

TEST_F(SiteLinksTest, ARevokedCertificateEndsItsConnection) {
  start("a");
  start("b");
  ASSERT_TRUE(connected("b", "a"));
  const SiteTrust trust = trust_of("node", "a", {"0b"});
  ASSERT_TRUE(members["a"].links->replace(trust));
  members["a"].links->recheck(trust);
  sim.run_for(5s);
  say("b", "x");
  sim.run_for(1s);
  EXPECT_TRUE(members["a"].heard.empty());
}

}  // namespace
}  // namespace selvedge::node
