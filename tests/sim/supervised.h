// Supervised: a service as a machine's supervisor runs it: what cannot start is tried again a second
// later. Why it could not is noted, because most reasons are nobody's fault but ours.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/world.h"

namespace selvedge::sim {

// Starts that failed for a reason which no fault explains; a full disk or a failing one does.
struct Incidents {
  std::vector<std::string> starts;

  void note(const std::string& who, const base::Error& why) {
    using base::Code;
    if (why.code == Code::exhausted || why.code == Code::unavailable || why.code == Code::internal)
      return;
    starts.push_back(who + " would not start: " + why.message);
  }
};

template <typename Service>
class Supervised {
 public:
  using Make = std::function<base::Result<std::unique_ptr<Service>>(os::World&)>;

  Supervised(os::World& world, std::string name, Make make, Incidents& incidents)
      : world_(world), name_(std::move(name)), make_(std::move(make)), incidents_(incidents) {
    start();
  }
  ~Supervised() { world_.loop().cancel(timer_); }
  Supervised(const Supervised&) = delete;
  Supervised& operator=(const Supervised&) = delete;

  Service* service() const { return service_.get(); }
  void stop(std::function<void()> done) {
    if (service_) return service_->stop(std::move(done));
    done();
  }

 private:
  void start() {
    const auto started = [this]() -> base::Result<void> {
      service_ = TRY(make_(world_));
      return service_->start();
    }();
    if (started) return;
    service_.reset();
    incidents_.note(name_, started.error());
    timer_ = world_.loop().after(std::chrono::seconds(1), [this] { start(); });
  }

  os::World& world_;
  std::string name_;
  Make make_;
  Incidents& incidents_;
  std::unique_ptr<Service> service_;
  os::TimerId timer_{};
};

}  // namespace selvedge::sim
