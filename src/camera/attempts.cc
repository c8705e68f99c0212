#include "camera/attempts.h"

#include <algorithm>

namespace selvedge::camera {
namespace {

constexpr base::Duration first_pause = std::chrono::seconds(1), longest_pause = std::chrono::minutes(1);
constexpr std::size_t longest_reason = 500;        // what stands in it may come from outside

}  // namespace

Attempts::Attempts(os::World& world, std::function<void()> begin)
    : world_(world), begin_(std::move(begin)), backoff_(first_pause, longest_pause, base::Duration::zero()) {}

Attempts::~Attempts() { world_.loop().cancel(timer_); }

void Attempts::begin_in(base::Duration delay) {
  world_.loop().cancel(timer_);
  timer_ = world_.loop().after(delay, [this] {
    timer_ = os::TimerId::none;
    ++status.attempts;
    begin_();
  });
}

void Attempts::works() {
  status.state = SourceStatus::State::receiving;
  status.reason.clear();
  backoff_.connected(world_.loop().now());
}

void Attempts::failed(std::string why) {
  status.state = SourceStatus::State::failing;
  status.reason = std::move(why);
  status.reason.resize(std::min(status.reason.size(), longest_reason));
  begin_in(backoff_.failed(world_.random_unit(), world_.loop().now()));
}

}  // namespace selvedge::camera
