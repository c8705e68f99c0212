// For benchmarks: the best of several rounds, in microseconds of this thread's processor time.

#pragma once

#include <algorithm>
#include <ctime>
#include <limits>

namespace selvedge::base {

template <typename Work>
double best_of(int rounds, Work work) {
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < rounds; ++round) {
    timespec from{}, to{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    work();
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    best = std::min(best, double(to.tv_sec - from.tv_sec) * 1e6 + double(to.tv_nsec - from.tv_nsec) / 1e3);
  }
  return best;
}

}  // namespace selvedge::base
