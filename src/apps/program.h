// What every program's main() shares: errors become one line and an exit status.

#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "os/world.h"
#include "settings/settings.h"

namespace selvedge::apps {

using Run = base::Result<int> (*)(std::span<char* const> words);

// Runs `run` with the words after the program's name. An error is printed as "name: message" and
// ends with the exit status of its code.
int run_program(std::string_view name, int argc, char** argv, Run run);

std::map<std::string, std::string> environment();

// What the two daemons take: --config FILE, --set KEY=VALUE (repeatable), --state DIR, --check,
// --json, --help, --version.
struct DaemonOptions {
  std::string config_file;             // "" if none was named and the usual one is not there
  std::vector<std::pair<std::string, std::string>> set;
  bool check = false, json = false, help = false, version = false;
};
base::Result<DaemonOptions> parse_daemon_options(std::span<char* const> words,
                                                 std::string_view usual_file);
base::Result<settings::Layers> read_layers(const DaemonOptions& options);
std::string daemon_help(std::string_view name, std::string_view what, std::string_view usual_file);

// SIGTERM or SIGINT asks for an orderly end; a second one ends at once.
int wait_for_end(os::RealWorld& world);

}  // namespace selvedge::apps
