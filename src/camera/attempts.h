// Attempts: what the sources have in common: when the next attempt is made, and what came of those before.
//
// One attempt is under way, or one is due, never both: whoever made it says how it ended. Back-off is jittered,
// up to a minute, and starts over once something came. Belongs to the loop thread; nothing is called after it has
// gone, and nothing within its calls.

#pragma once

#include <functional>
#include <string>

#include "base/backoff.h"
#include "camera/source.h"

namespace selvedge::camera {

class Attempts {
 public:
  Attempts(os::World& world, std::function<void()> begin);
  ~Attempts();
  Attempts(const Attempts&) = delete;

  static constexpr base::Duration shortest = std::chrono::milliseconds(10);   // between two, whatever is asked for

  SourceStatus status;

  void begin_in(base::Duration delay);             // the next one; counts as an attempt when it begins
  void works();                                    // something came
  void failed(const std::string& why);             // it is over: the next one begins after a pause
  void say(std::string why);                       // the reason, as people and JSON can take it

 private:
  os::World& world_;
  std::function<void()> begin_;
  base::Backoff backoff_;
  os::TimerId timer_ = os::TimerId::none;
};

}  // namespace selvedge::camera
