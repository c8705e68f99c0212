#include "engine/admission/storm.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "os/world.h"
#include "parts.h"

namespace selvedge::bench {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration ask_every = 10ms;
constexpr int first_waits = 20;   // answers before the storm, to know what is usual

// One that is connected and asks; what it waits for an answer is what a storm may cost it.
class Asker final : public os::StreamEvents {
 public:
  Asker(os::World& world, std::function<void()> settled) : world_(world), settled_(std::move(settled)) {}
  void begin(const os::Endpoint& to, std::shared_ptr<os::Tls> tls) {
    stream_ = world_.network().connect(to, std::move(tls), 10s, *this);
  }
  void on_open(os::Stream&) override { ask(); }
  void on_bytes(os::Stream&, base::BytesView) override {
    waits_.push_back(world_.loop().now() - asked_);
    if (waits_.size() == first_waits) settled_();
    world_.loop().after(ask_every, [this] { ask(); });
  }
  void on_close(os::Stream&, const base::Error&) override { lost_ = true; }
  base::Duration longest() const {
    return waits_.empty() ? base::Duration{} : *std::ranges::max_element(waits_);
  }
  std::size_t answers() const { return waits_.size(); }
  bool lost() const { return lost_; }

 private:
  void ask() {
    asked_ = world_.loop().now();
    stream_->write(base::as_bytes("?"));
  }
  os::World& world_;
  std::function<void()> settled_;
  std::unique_ptr<os::Stream> stream_;
  base::Instant asked_{};
  std::vector<base::Duration> waits_;
  bool lost_ = false;
};

// A node of the storm: tries until it is in.
class Comer final : public os::StreamEvents {
 public:
  Comer(os::World& world, os::Endpoint to, std::shared_ptr<os::Tls> tls, std::function<void()> in)
      : world_(world), to_(std::move(to)), tls_(std::move(tls)), in_(std::move(in)) {}
  void come() {
    ++attempts;
    stream_ = world_.network().connect(to_, tls_, 15s, *this);
  }
  void on_open(os::Stream&) override { in_(); }
  void on_bytes(os::Stream&, base::BytesView) override {}
  void on_close(os::Stream&, const base::Error&) override {
    world_.loop().after(std::chrono::duration_cast<base::Duration>(250ms * (1 + world_.random_unit())),
                        [this] { come(); });
  }
  int attempts = 0;

 private:
  os::World& world_;
  os::Endpoint to_;
  std::shared_ptr<os::Tls> tls_;
  std::function<void()> in_;
  std::unique_ptr<os::Stream> stream_;
};

double seconds(base::Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

int storm(const std::string& folder, std::uint16_t port, int count) {
  const auto config = read_keys(folder, Side::client);
  auto made = os::RealWorld::create();
  if (!config || !made) return 1;
  os::RealWorld& world = **made;
  const os::Endpoint to{"127.0.0.1", port};
  // Each its own context, so that none has the ticket of another: every handshake is a full one.
  std::vector<std::shared_ptr<os::Tls>> identities;
  for (int i = 0; i <= count; ++i) {
    auto tls = world.network().client_tls(*config);
    if (!tls) return 1;
    identities.push_back(std::move(*tls));
  }
  std::vector<std::unique_ptr<Comer>> comers;
  base::Instant began{};
  base::Duration took{};
  int in = 0;
  const auto arrived = [&] {
    if (++in < count) return;
    took = world.loop().now() - began;
    world.stop();
  };
  Asker asker(world, [&] {
    began = world.loop().now();
    for (int i = 0; i < count; ++i) {
      comers.push_back(std::make_unique<Comer>(world, to, identities[static_cast<std::size_t>(i)], arrived));
      comers.back()->come();
    }
  });
  asker.begin(to, identities.back());
  world.run({});
  int attempts = 0;
  for (const auto& comer : comers) attempts += comer->attempts;
  std::printf("{\"nodes\":%d,\"seconds\":%.6f,\"attempts\":%d,\"longest_request_seconds\":%.6f,"
              "\"requests\":%zu}\n",
              count, seconds(took), attempts, seconds(asker.longest()), asker.answers());
  std::fflush(stdout);
  return asker.lost() ? 1 : 0;
}

int model(double microseconds, std::uint32_t nodes) {
  engine::StormPlan plan;
  plan.nodes = nodes;
  plan.handshake = base::Duration(static_cast<std::int64_t>(microseconds * 1000));
  const engine::StormOutcome outcome = engine::run_storm(plan);
  std::printf("{\"nodes\":%u,\"handshake_us\":%.1f,\"floor_seconds\":%.3f,\"half_in_seconds\":%.3f,"
              "\"all_in_seconds\":%.3f,\"times_floor\":%.3f,\"longest_request_seconds\":%.6f,"
              "\"attempts\":%llu,\"dismissed\":%llu}\n",
              nodes, microseconds, seconds(outcome.floor), seconds(outcome.half_in),
              seconds(outcome.all_in), outcome.times_floor(), seconds(outcome.longest_request),
              static_cast<unsigned long long>(outcome.attempts),
              static_cast<unsigned long long>(outcome.dismissed));
  return outcome.finished ? 0 : 1;
}

}  // namespace selvedge::bench
