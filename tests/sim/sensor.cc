#include "sensor.h"

#include <algorithm>
#include <cstdio>

namespace selvedge::sim {
namespace {

constexpr std::int64_t millisecond = 1'000'000;
constexpr std::size_t most_waiting = 200;

client::DeviceOptions options(const std::string& name, const std::string& node,
                              std::shared_ptr<os::Tls> tls, const Habit& habit) {
  client::DeviceOptions options;
  options.node = {node, 8883};
  options.tls = std::move(tls);
  options.client_id = name;
  options.version = habit.version;
  // Longer than any clock jumps, which would end the session at the node.
  options.session_expiry = 7 * 24 * 3600;
  options.inflight = habit.inflight;
  return options;
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

}  // namespace

Habit Habit::draw(os::fake::Random& random) {
  Habit habit;
  const std::uint64_t kind = random.below(10);
  habit.clock = kind < 6 ? Clock::steady : kind < 8 ? Clock::wall : Clock::arrival;
  habit.qos = habit.clock == Clock::arrival || random.chance(0.3) ? 2 : 1;
  if (habit.clock != Clock::arrival && random.chance(0.3))
    habit.batch = 2 + random.below(random.chance(0.2) ? 200 : 5);
  if (random.chance(0.3)) habit.version = codec::mqtt::Version::v311;
  habit.inflight = static_cast<std::uint16_t>(1 + random.below(20));
  habit.period = random.between(std::chrono::milliseconds(700), std::chrono::milliseconds(1300));
  return habit;
}

Sensor::Sensor(os::World& world, const std::string& name, const std::string& node,
               std::shared_ptr<os::Tls> tls, const Habit& habit, Account& account,
               const Direction& direction)
    : world_(world),
      name_(name),
      topic_(topic(name, habit)),
      habit_(habit),
      account_(account),
      direction_(direction),
      device_(world, options(name, node, std::move(tls), habit)) {
  device_.on_acknowledged([this](engine::PublishId id, codec::mqtt::Reason reason) {
    acknowledged(id, reason);
  });
  device_.on_connected([this](bool session_present) {
    say(session_present ? "connected to its session" : "connected, without a session");
  });
  device_.on_lost([this](const base::Error& why) { say("lost: " + why.message); });
  say("starts");
  device_.start();
  publish_later();
}

void Sensor::say(const std::string& what) const {
  if (name_ == direction_.watched) direction_.say(name_ + " " + what);
}

Sensor::~Sensor() { world_.loop().cancel(timer_); }

std::string Sensor::topic(const std::string& name, const Habit& habit) {
  return "plant/" + name + (habit.clock == Clock::arrival ? "/count" : "/flow");
}

std::string Sensor::series(const std::string& name, const Habit& habit) {
  return topic(name, habit) + (habit.clock == Clock::arrival ? "" : "/value");
}

void Sensor::publish_later() {
  const base::Duration spread(static_cast<std::int64_t>(
      static_cast<double>(habit_.period.count()) * (0.5 + world_.random_unit())));
  timer_ = world_.loop().after(spread, [this] {
    if (direction_.publishing && device_.unacknowledged() < most_waiting) publish();
    publish_later();
  });
}

// On the steady clock every reading is later than the one before, also across a crash.
std::int64_t Sensor::next_time(std::int64_t now) const {
  now -= now % millisecond;
  return habit_.clock == Clock::steady ? std::max(now, account_.last_time + millisecond) : now;
}

std::string Sensor::payload(std::vector<std::size_t>& entries) {
  const auto add = [&](std::int64_t time) {
    entries.push_back(account_.entries.size());
    account_.entries.push_back({.time = time,
                                .value = account_.next_value(),
                                .published_at = direction_.steady_now().ns});
    account_.last_time = time;
    return number(account_.entries.back().value);
  };
  if (habit_.clock == Clock::arrival) return add(0);
  const std::int64_t now = (habit_.clock == Clock::steady ? direction_.steady_now()
                                                          : world_.loop().wall_now()).ns;
  const std::size_t count =
      1 + static_cast<std::size_t>(world_.random_unit() * static_cast<double>(habit_.batch));
  std::string all;
  for (std::size_t i = count; i > 0; --i) {
    const std::int64_t time = next_time(now - static_cast<std::int64_t>(i - 1) * 100 * millisecond);
    all += (all.empty() ? "" : ",");
    all += "{\"ts\":" + std::to_string(time / millisecond) + ",\"value\":" + add(time) + "}";
  }
  return habit_.batch == 1 ? all : "[" + all + "]";
}

void Sensor::publish() {
  std::vector<std::size_t> entries;
  const std::string message = payload(entries);
  const auto id = device_.publish(topic_, base::as_bytes(message), habit_.qos);
  if (!id) {
    ++account_.not_taken;
    return;
  }
  ++account_.messages;
  say("publishes " + message);
  open_.emplace(static_cast<std::uint64_t>(*id), std::move(entries));
}

void Sensor::acknowledged(engine::PublishId id, codec::mqtt::Reason reason) {
  const auto found = open_.find(static_cast<std::uint64_t>(id));
  if (found == open_.end()) return;
  const bool refused = codec::mqtt::is_error(reason);
  account_.refused += refused;
  for (const std::size_t place : found->second) {
    if (!refused) account_.entries[place].acknowledged_at = direction_.steady_now().ns;
    say((refused ? "is refused " : "has acknowledged ") + number(account_.entries[place].value));
  }
  open_.erase(found);
}

}  // namespace selvedge::sim
