#include "engine/placement/deadline.h"

#include <algorithm>

namespace selvedge::engine::placement {

using base::Code;
using base::fail;

namespace {

bool earlier(const DeadlineJob& a, const DeadlineJob& b) {
  return a.deadline != b.deadline ? a.deadline < b.deadline : a.number < b.number;
}
__extension__ using Wide = __int128;

}  // namespace

base::Result<void> Deadlines::admit(const DeadlineJob& job, std::int64_t now) {
  const std::string of = "admit job " + std::to_string(job.number);
  if (job.work < 0 || job.width <= 0) return fail(Code::invalid_input, of + ": its work or width is out of range");
  if (jobs_.size() >= most) return fail(Code::exhausted, of + ": there are " + std::to_string(most) + " already");
  const bool there = std::any_of(jobs_.begin(), jobs_.end(), [&](const DeadlineJob& one) { return one.number == job.number; });
  if (there) return fail(Code::conflict, of + ": it is there already");
  const Wide alone = Wide{std::min(job.width, rate_)} * (Wide{job.deadline} - now);
  if (Wide{job.work} * 1000 > alone) return fail(Code::exhausted, of + ": it would miss its own deadline, even alone");
  const auto at = jobs_.insert(std::upper_bound(jobs_.begin(), jobs_.end(), job, earlier), job);
  const auto index = at - jobs_.begin();
  Wide demand = 0;                         // thousandths of a core times nanoseconds
  for (auto one = jobs_.begin(); one != jobs_.end(); ++one) {
    demand += Wide{one->work} * 1000;
    const Wide supply = Wide{rate_} * (Wide{one->deadline} - now);
    // What is due before the new job is as it was: late or not, that is not its doing.
    if (one - jobs_.begin() < index || demand <= supply) continue;
    const std::uint64_t missed = one->number;
    const auto late = static_cast<std::int64_t>((demand - supply + rate_ - 1) / std::max<std::int64_t>(rate_, 1));
    jobs_.erase(jobs_.begin() + index);
    return fail(Code::exhausted, of + ": job " + std::to_string(missed) + " would be late by " + std::to_string(late) + " ns");
  }
  return {};
}

base::Result<void> Deadlines::progress(std::uint64_t number, std::int64_t work_left) {
  const auto at = std::find_if(jobs_.begin(), jobs_.end(), [&](const DeadlineJob& one) { return one.number == number; });
  if (at == jobs_.end()) return fail(Code::not_found, "progress of job: there is no " + std::to_string(number));
  if (work_left <= 0) jobs_.erase(at);
  else at->work = work_left;
  return {};
}

base::Result<void> Deadlines::withdraw(std::uint64_t number) { return progress(number, 0); }

}  // namespace selvedge::engine::placement
