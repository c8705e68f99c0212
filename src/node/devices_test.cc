#include "node/devices.h"

#include <gtest/gtest.h>

#include "os/fake/simulation.h"

namespace selvedge::node {
namespace {

class DevicesTest : public testing::Test {
 protected:
  base::Result<std::string> admit(Credentials c) {
    std::optional<base::Result<std::string>> answer;
    devices->admit(std::move(c), [&](base::Result<std::string> a) { answer = std::move(a); });
    EXPECT_TRUE(sim.run_until([&] { return answer.has_value(); }, std::chrono::minutes(1)));
    return *answer;
  }

  void add(const std::string& name, const std::string& password) {
    std::optional<base::Result<void>> answer;
    devices->set_password(name, password, [&](base::Result<void> a) { answer = std::move(a); });
    EXPECT_TRUE(sim.run_until([&] { return answer.has_value(); }, std::chrono::minutes(1)));
    EXPECT_TRUE(*answer) << answer->error().message;
  }

  static Credentials with_password(std::string name, std::string password) {
    Credentials c;
    c.name = std::move(name);
    c.password = std::move(password);
    c.has_name = c.has_password = true;
    return c;
  }

  os::fake::Simulation sim{3};
  os::fake::Machine& machine = sim.machine("site");
  std::unique_ptr<Devices> devices = Devices::open(machine, "state", false).value();
};

TEST_F(DevicesTest, LetsInTheRightPasswordOnly) {
  add("boiler", "long enough");
  EXPECT_EQ(admit(with_password("boiler", "long enough")).value(), "boiler");
  EXPECT_EQ(admit(with_password("boiler", "long enough")).value(), "boiler");  // the quick way
  EXPECT_EQ(admit(with_password("boiler", "wrong")).error().code, base::Code::denied);
  EXPECT_EQ(admit(with_password("pump", "long enough")).error().code, base::Code::denied);
}

TEST_F(DevicesTest, WhoGuessesIsSlowedDownAndNobodyElse) {
  add("boiler", "long enough");
  devices->limit_wrong({.burst = 3, .refill = std::chrono::seconds(10), .sources = 100});
  const auto from = [](Credentials c, const char* address) {
    c.address = address;
    return c;
  };
  EXPECT_TRUE(admit(from(with_password("boiler", "long enough"), "192.0.2.1:1")));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(admit(from(with_password(i == 1 ? "nobody" : "boiler", "wrong guess"), "192.0.2.1:2")).error().code,
              base::Code::denied);
  const base::Instant before = machine.loop().now();
  EXPECT_EQ(admit(from(with_password("boiler", "wrong guess"), "192.0.2.1:3")).error().code,
            base::Code::exhausted);
  EXPECT_GE(machine.loop().now() - before, std::chrono::seconds(1));
  // Another address, a password that was right before, and a certificate are let in.
  EXPECT_EQ(admit(from(with_password("boiler", "wrong guess"), "192.0.2.2:1")).error().code,
            base::Code::denied);
  EXPECT_TRUE(admit(from(with_password("boiler", "long enough"), "192.0.2.1:4")));
  Credentials certified;
  certified.uris = {"urn:selvedge:device:pump"};
  EXPECT_EQ(admit(from(certified, "192.0.2.1:5")).value(), "pump");
  EXPECT_EQ(devices->wrong().refusals(), 1u);
}

TEST_F(DevicesTest, RemembersPasswordsAndBansAcrossRestarts) {
  add("boiler", "long enough");
  add("pump", "long enough too");
  ASSERT_TRUE(devices->set_disabled("pump", true));
  devices = Devices::open(machine, "state", false).value();
  EXPECT_TRUE(admit(with_password("boiler", "long enough")));
  EXPECT_FALSE(admit(with_password("pump", "long enough too")));
  ASSERT_TRUE(devices->remove("boiler"));
  EXPECT_FALSE(admit(with_password("boiler", "long enough")));
  EXPECT_EQ(devices->remove("boiler").error().code, base::Code::not_found);
}

TEST_F(DevicesTest, TakesADevicesCertificateAndNoOther) {
  Credentials c;
  c.common_name = "pump";
  c.uris = {"urn:selvedge:device:pump"};
  EXPECT_EQ(admit(c).value(), "pump");
  c.uris = {"urn:selvedge:node:pump"};
  EXPECT_FALSE(admit(c));
  c.uris = {};
  EXPECT_EQ(admit(c).value(), "pump");   // of a CA of the device maker's, without our role
  c.uris = {std::string("urn:selvedge:device:pump\0x", 26)};
  EXPECT_FALSE(admit(c));
  c.uris = {"urn:selvedge:device:pump", "urn:selvedge:device:fan"};
  EXPECT_FALSE(admit(c));
  c.uris = {"https://maker.example/pump"};
  EXPECT_EQ(admit(c).value(), "pump");
  c.common_name = "../x y";
  EXPECT_FALSE(admit(c));
}

TEST_F(DevicesTest, LetsNamelessOnesInOnlyFromLoopbackAndOnlyIfAllowed) {
  Credentials c;
  c.loopback = true;
  c.fallback = "sensor";
  EXPECT_FALSE(admit(c));
  devices = Devices::open(machine, "state", true).value();
  EXPECT_EQ(admit(c).value(), "sensor");
  c.fallback = "not a name!";
  EXPECT_EQ(admit(c).value(), "anonymous");
  c.loopback = false;
  EXPECT_FALSE(admit(c));
}

TEST_F(DevicesTest, RefusesNamesAndPasswordsThatAreNone) {
  std::optional<base::Result<void>> answer;
  const auto told = [&](base::Result<void> a) { answer = std::move(a); };
  devices->set_password("no spaces", "long enough", told);
  EXPECT_EQ(answer->error().code, base::Code::invalid_input);
  devices->set_password("boiler", "short", told);
  EXPECT_EQ(answer->error().code, base::Code::invalid_input);
}

}  // namespace
}  // namespace selvedge::node
