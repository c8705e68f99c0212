// What the server's processes have used, from the kernel's books.

#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace selvedge::bench {

// CPU time of all threads, user and system, summed over the processes.
double cpu_seconds(const std::vector<pid_t>& processes);
double own_cpu_seconds();

struct Memory {
  std::uint64_t rss_bytes = 0, pss_bytes = 0, peak_rss_bytes = 0;
};
// Reading it holds the server up for a moment: not while something is timed.
Memory memory(const std::vector<pid_t>& processes);

// Bytes that the processes caused to be written to disks (0 where the kernel does not tell).
std::uint64_t written_bytes(const std::vector<pid_t>& processes);

std::uint64_t now_ns();        // monotonic
std::uint64_t wall_now_ns();   // since 1970

}  // namespace selvedge::bench
