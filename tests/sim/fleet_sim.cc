// fleet_sim: runs a simulated fleet through what a seed has in store, and says whether every
// acknowledged reading arrived once.
//
//   fleet_sim --seed 7 --nodes 100 --devices 1000 --seconds 120
//   fleet_sim --seed 1 --runs 50        fifty seeds, from 1 on
//
// --trouble 2 doubles the faults, --plan prints them, --watch device-3 follows one device, --log warn
// lets the programs speak. Exits with 1 if something did not hold, and prints how to run that seed
// again.

#include <charconv>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "base/log.h"
#include "fleet.h"

namespace {

using selvedge::sim::Fleet;
using selvedge::sim::FleetOptions;
using selvedge::sim::FleetReport;
namespace log = selvedge::base::log;

struct Arguments {
  FleetOptions fleet;
  std::uint64_t runs = 1;
  std::uint64_t seconds = 60;
  log::Level level = log::Level::off;
};

template <typename Number>
bool read(std::string_view text, Number& into) {
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, into);
  return error == std::errc{} && stopped == end;
}

bool take(Arguments& to, std::string_view name, std::string_view value) {
  if (name == "--seed") return read(value, to.fleet.seed);
  if (name == "--nodes") return read(value, to.fleet.nodes) && to.fleet.nodes > 0;
  if (name == "--devices") return read(value, to.fleet.devices);
  if (name == "--seconds") return read(value, to.seconds);
  if (name == "--trouble") return read(value, to.fleet.trouble);
  if (name == "--runs") return read(value, to.runs);
  if (name == "--watch") return to.fleet.watched = value, true;
  if (name != "--log") return false;
  const auto level = log::parse_level(value);
  if (level) to.level = *level;
  return level.has_value();
}

bool parse(int count, char** words, Arguments& to) {
  for (int i = 1; i < count; ++i) {
    if (std::string_view(words[i]) == "--plan") to.fleet.print_plan = true;
    else if (i + 1 == count || !take(to, words[i], words[i + 1])) return false;
    else ++i;
  }
  to.fleet.length = std::chrono::seconds(to.seconds);
  return true;
}

bool run(const FleetOptions& options) {
  const std::clock_t began = std::clock();
  const FleetReport report = Fleet(options).run();
  const double cpu = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  std::printf("%s\n%s%.1f s of CPU, history %016llx: %s\n\n", options.command().c_str(),
              report.text().c_str(), cpu, static_cast<unsigned long long>(report.trace_hash),
              report.breaches.empty() ? "all is well" : "FAILED");
  std::fflush(stdout);
  return report.breaches.empty();
}

}  // namespace

int main(int count, char** words) {
  Arguments arguments;
  if (!parse(count, words, arguments)) {
    std::fputs("usage: fleet_sim [--seed N] [--runs N] [--nodes N] [--devices N] [--seconds N]\n"
               "                 [--trouble X] [--plan] [--watch DEVICE] [--log LEVEL]\n", stderr);
    return 2;
  }
  log::set_level(arguments.level);
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);  // in step with the log
  bool good = true;
  for (std::uint64_t i = 0; i < arguments.runs; ++i, ++arguments.fleet.seed)
    good = run(arguments.fleet) && good;
  return good ? 0 : 1;
}
