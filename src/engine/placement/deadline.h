// Deadlines: whether one more job can be taken on without any missing its time.
//
// Jobs share a capacity that can be divided and moved between them at will, as cores are by a preemptive scheduler:
// `rate` thousandths of a core (a node's, or what of it is kept for such jobs). Earliest deadline first meets all
// deadlines that can be met (Liu and Layland 1973; Dertouzos 1974), and does so exactly when for every deadline the work
// due by then fits in the time until then (the demand test of Baruah et al. 1990, for jobs that are all released). A job
// that cannot use the whole capacity at once has its own limit besides: its work at its own width. For jobs narrower
// than the capacity the demand test stays necessary, and `admit` takes the wider of both; so use it with jobs that are
// as wide as the capacity, or leave spare. At most `most` jobs.

#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace selvedge::engine::placement {

struct DeadlineJob {
  std::uint64_t number = 0;                // the caller's
  std::int64_t deadline = 0;               // nanoseconds
  std::int64_t work = 0;                   // what is left: nanoseconds of a whole core
  std::int64_t width = 1000;               // thousandths of a core that it can use at once
};

class Deadlines {
 public:
  static constexpr std::size_t most = 10'000;

  explicit Deadlines(std::int64_t rate) : rate_(rate) {}

  // Takes it on if all deadlines hold, this one and those of before; else Code::exhausted says which would be missed,
  // and by how much. Code::conflict for a number that is there.
  base::Result<void> admit(const DeadlineJob& job, std::int64_t now);
  base::Result<void> progress(std::uint64_t number, std::int64_t work_left);   // 0: done
  base::Result<void> withdraw(std::uint64_t number);
  // Whose turn it is: the earliest deadline; nullptr if nobody's.
  const DeadlineJob* next() const { return jobs_.empty() ? nullptr : &jobs_.front(); }
  const std::vector<DeadlineJob>& jobs() const { return jobs_; }               // by deadline, then number

 private:
  std::int64_t rate_;
  std::vector<DeadlineJob> jobs_;
};

}  // namespace selvedge::engine::placement
