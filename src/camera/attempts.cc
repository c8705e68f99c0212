#include "camera/attempts.h"

#include <algorithm>

#include "base/text.h"

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

void Attempts::say(std::string why) {
  why.resize(std::min(why.size(), longest_reason));
  if (!base::is_utf8(why)) std::ranges::replace_if(why, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  status.reason = std::move(why);
}

void Attempts::failed(const std::string& why) {
  status.state = SourceStatus::State::failing;
  say(why);
  begin_in(backoff_.failed(world_.random_unit(), world_.loop().now()));
}

}  // namespace selvedge::camera
