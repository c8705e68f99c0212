#include "load/server_process.h"

#include <fstream>
#include <string>

#include <time.h>

namespace selvedge::bench {
namespace {

std::uint64_t read_clock(clockid_t clock) {
  timespec t{};
  if (clock_gettime(clock, &t) != 0) return 0;
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(t.tv_nsec);
}

// The number after `key` in /proc/PID/file, or 0.
std::uint64_t field(pid_t process, const char* file, const std::string& key) {
  std::ifstream in("/proc/" + std::to_string(process) + "/" + file);
  std::string word;
  while (in >> word) {
    if (word != key) continue;
    std::uint64_t value = 0;
    in >> value;
    return value;
  }
  return 0;
}

}  // namespace

std::uint64_t now_ns() { return read_clock(CLOCK_MONOTONIC); }
std::uint64_t wall_now_ns() { return read_clock(CLOCK_REALTIME); }
double own_cpu_seconds() {
  return static_cast<double>(read_clock(CLOCK_PROCESS_CPUTIME_ID)) * 1e-9;
}

double cpu_seconds(const std::vector<pid_t>& processes) {
  double total = 0;
  for (const pid_t process : processes) {
    clockid_t clock{};
    if (clock_getcpuclockid(process, &clock) == 0)
      total += static_cast<double>(read_clock(clock)) * 1e-9;
  }
  return total;
}

Memory memory(const std::vector<pid_t>& processes) {
  Memory sum;
  for (const pid_t process : processes) {
    sum.rss_bytes += 1024 * field(process, "smaps_rollup", "Rss:");
    sum.pss_bytes += 1024 * field(process, "smaps_rollup", "Pss:");
    sum.peak_rss_bytes += 1024 * field(process, "status", "VmHWM:");
  }
  return sum;
}

std::uint64_t written_bytes(const std::vector<pid_t>& processes) {
  std::uint64_t sum = 0;
  for (const pid_t process : processes) sum += field(process, "io", "write_bytes:");
  return sum;
}

}  // namespace selvedge::bench
