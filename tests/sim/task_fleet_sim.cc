// task_fleet_sim: runs the tasks of a simulated fleet through what a seed has in store, and says whether anything ran twice or was lost.
//
//   task_fleet_sim --seed 7 --nodes 10000 --tasks 2 --seconds 300
//   task_fleet_sim --seed 1 --runs 50        fifty seeds, from 1 on
//
// --trouble 2 doubles the faults. Exits with 1 if something did not hold, and prints how to run that seed again.

#include <charconv>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "base/log.h"
#include "task_fleet.h"

namespace {

using selvedge::sim::TaskFleet;
using selvedge::sim::TaskFleetOptions;
using selvedge::sim::TaskFleetReport;

template <typename Number>
bool read(std::string_view text, Number& into) {
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, into);
  return error == std::errc{} && stopped == end;
}

bool run(const TaskFleetOptions& options) {
  const std::clock_t began = std::clock();
  const TaskFleetReport report = TaskFleet(options).run();
  const double cpu = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  std::printf("%s\n%s%.1f s of CPU: %s\n\n", options.command().c_str(), report.text().c_str(), cpu, report.breaches.empty() ? "all is well" : "FAILED");
  std::fflush(stdout);
  return report.breaches.empty();
}

}  // namespace

int main(int count, char** words) {
  TaskFleetOptions options;
  std::uint64_t runs = 1, seconds = 300;
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = words[i], value = i + 1 < count ? words[i + 1] : "";
    const bool good = name == "--seed"      ? read(value, options.seed)
                      : name == "--nodes"   ? read(value, options.nodes) && options.nodes > 0
                      : name == "--tasks"   ? read(value, options.tasks)
                      : name == "--seconds" ? read(value, seconds)
                      : name == "--trouble" ? read(value, options.trouble)
                      : name == "--runs"    ? read(value, runs)
                                            : false;
    if (good) continue;
    std::fputs("usage: task_fleet_sim [--seed N] [--runs N] [--nodes N] [--tasks X] [--seconds N] [--trouble X]\n", stderr);
    return 2;
  }
  options.length = std::chrono::seconds(seconds);
  selvedge::base::log::set_level(selvedge::base::log::Level::off);
  bool good = true;
  for (std::uint64_t i = 0; i < runs; ++i, ++options.seed) good = run(options) && good;
  return good ? 0 : 1;
}
