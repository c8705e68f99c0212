#include "net/mqtt/server.h"

#include <gtest/gtest.h>

#include "engine/session/client.h"
#include "os/fake/simulation.h"

namespace selvedge::net::mqtt {
namespace {

using namespace std::chrono_literals;
using codec::mqtt::Reason;

// An MQTT client on a machine of its own.
class Caller final : os::StreamEvents {
 public:
  Caller(os::fake::Machine& machine, engine::ClientOptions options)
      : machine_(machine), client_(std::move(options)) {}

  void call() {
    stream_ = machine_.network().connect({"server", 1883}, nullptr, 10s, *this);
  }
  void hang_up() {
    stream_.reset();
    client_.transport_closed(now(), events_);
    events_.clear();
  }
  bool connected() const { return client_.connected(); }

 private:
  base::Instant now() const { return machine_.loop().now(); }
  void carry_out() {
    if (!events_.send.empty()) stream_->write(events_.send);
    events_.clear();
  }
  void on_open(os::Stream&) override {
    client_.transport_open(now(), events_);
    carry_out();
  }
  void on_bytes(os::Stream&, base::BytesView bytes) override {
    client_.received(bytes, now(), events_);
    carry_out();
  }
  void on_close(os::Stream&, const base::Error&) override { hang_up(); }

  os::fake::Machine& machine_;
  engine::Client client_;
  engine::ClientEvents events_;
  std::unique_ptr<os::Stream> stream_;
};

class MqttServer : public testing::Test {
 protected:
  MqttServer() {
    Hooks hooks;
    hooks.login = [](LoginRequest request, std::function<void(engine::Grant)> answer) {
      answer({Reason::success, request.client_id, {}});
    };
    hooks.arrived = [](std::span<const engine::Arrived>) {};
    hooks.persist = [this](base::BytesView bytes, std::uint32_t) { base::append(log, bytes); };
    hooks.persisted = [this](std::function<void()> then) { waits.push_back(std::move(then)); };
    server = std::make_unique<Server>(machine, engine::BrokerLimits{}, engine::Access{}, hooks);
    EXPECT_TRUE(server->listen({"", 1883}, nullptr));
  }

  // One client of that name, and nothing kept in it of those before.
  Caller& caller(const std::string& name, std::uint32_t session_expiry) {
    engine::ClientOptions options;
    options.client_id = name;
    options.session_expiry = session_expiry;
    callers.push_back(std::make_unique<Caller>(sim.machine("client"), options));
    callers.back()->call();
    sim.run_for(1s);
    return *callers.back();
  }
  void disk_catches_up() {
    for (const auto& then : std::exchange(waits, {})) then();
    sim.run_for(1s);
  }

  os::fake::Simulation sim{3};
  os::fake::Machine& machine = sim.machine("server");
  base::Bytes log;
  std::vector<std::function<void()>> waits;
  std::unique_ptr<Server> server;
  std::vector<std::unique_ptr<Caller>> callers;
};

TEST_F(MqttServer, AnswersASessionThatBeginsOnceItIsOnDisk) {
  Caller& lasting = caller("a", 3600);
  EXPECT_FALSE(lasting.connected());
  disk_catches_up();
  EXPECT_TRUE(lasting.connected());
  lasting.hang_up();
  lasting.call();
  sim.run_for(1s);
  EXPECT_TRUE(lasting.connected()) << "it goes on with its session";
  EXPECT_TRUE(caller("b", 0).connected()) << "nothing of it is kept";
}

TEST_F(MqttServer, AnswersWhoEndsAnOldSessionOnceThatIsOnDisk) {
  caller("a", 3600);
  disk_catches_up();
  Caller& fleeting = caller("a", 0);
  EXPECT_FALSE(fleeting.connected());
  // The next attempt finds no old session, but a crash would.
  fleeting.hang_up();
  Caller& again = caller("a", 0);
  EXPECT_FALSE(again.connected());
  EXPECT_EQ(waits.size(), 1u) << "one wait for one client";
  disk_catches_up();
  EXPECT_TRUE(again.connected());
}

TEST_F(MqttServer, LetsClientsWithoutNamesWaitEachForItself) {
  Caller& one = caller("", 60);
  Caller& two = caller("", 60);
  EXPECT_FALSE(one.connected() || two.connected());
  disk_catches_up();
  EXPECT_TRUE(one.connected() && two.connected());
}

}  // namespace
}  // namespace selvedge::net::mqtt
