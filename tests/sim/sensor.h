// Sensor: the program of a simulated device: publishes a reading about once a second through
// client::Device, and notes in its account what was acknowledged.
//
// What it does in particular (clock, QoS, version of MQTT, batches) is its Habit. After a crash it
// begins anew and knows nothing of what it had published. Belongs to its machine's loop.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "account.h"
#include "client/device.h"
#include "os/fake/random.h"
#include "os/world.h"

namespace selvedge::sim {

struct Habit {
  Clock clock = Clock::steady;
  std::uint8_t qos = 1;
  std::size_t batch = 1;                 // readings of a message, at most
  codec::mqtt::Version version = codec::mqtt::Version::v5;
  std::uint16_t inflight = 20;
  base::Duration period = std::chrono::seconds(1);

  // Readings with the time of their arrival go alone and with QoS 2: a repetition of any other
  // would be another reading.
  static Habit draw(os::fake::Random& random);
};

// What sensors are told from outside.
struct Direction {
  std::function<base::Time()> steady_now;
  bool publishing = true;
  std::string watched;                   // the one that says what it does
  std::function<void(const std::string& what)> say;
};

class Sensor {
 public:
  Sensor(os::World& world, const std::string& name, const std::string& node,
         std::shared_ptr<os::Tls> tls, const Habit& habit, Account& account,
         const Direction& direction);
  ~Sensor();

  static std::string topic(const std::string& name, const Habit& habit);
  // The series that the node's default rules make of it.
  static std::string series(const std::string& name, const Habit& habit);

  std::size_t unacknowledged() const { return device_.unacknowledged(); }
  bool connected() const { return device_.connected(); }

 private:
  void publish_later();
  void publish();
  std::string payload(std::vector<std::size_t>& entries);
  std::int64_t next_time(std::int64_t now) const;
  void acknowledged(engine::PublishId id, codec::mqtt::Reason reason);

  void say(const std::string& what) const;

  os::World& world_;
  std::string name_, topic_;
  Habit habit_;
  Account& account_;
  const Direction& direction_;
  client::Device device_;
  os::TimerId timer_{};
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> open_;  // places in the account
};

}  // namespace selvedge::sim
