#include "apps/program.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/text.h"

extern char** environ;

namespace selvedge::apps {

using base::Code;
using base::fail;
using base::Result;

int run_program(std::string_view name, int argc, char** argv, Run run) {
  const auto outcome = run(std::span<char* const>(argv + 1, static_cast<std::size_t>(argc - 1)));
  if (outcome) return *outcome;
  std::fprintf(stderr, "%.*s: %s\n", static_cast<int>(name.size()), name.data(),
               outcome.error().message.c_str());
  return base::exit_status(outcome.error().code);
}

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos && text.starts_with("SELVEDGE_"))
      all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

Result<DaemonOptions> parse_daemon_options(std::span<char* const> words,
                                           std::string_view usual_file) {
  DaemonOptions options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    std::string_view value;
    const auto takes_value = [&](std::string_view flag) {
      if (word == flag) {
        if (i + 1 < words.size()) value = words[++i];
        return true;
      }
      if (word.starts_with(flag) && word.substr(flag.size()).starts_with('=')) {
        value = word.substr(flag.size() + 1);
        return true;
      }
      return false;
    };
    if (word == "--check") options.check = true;
    else if (word == "--json") options.json = true;
    else if (word == "--help" || word == "-h") options.help = true;
    else if (word == "--version") options.version = true;
    else if (takes_value("--config")) options.config_file = value;
    else if (takes_value("--state")) options.set.emplace_back("state", value);
    else if (takes_value("--set")) {
      const std::size_t equals = value.find('=');
      if (equals == std::string_view::npos)
        return fail(Code::invalid_input, "--set needs KEY=VALUE");
      options.set.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    } else {
      const auto near = base::did_you_mean(
          word, {"--check", "--json", "--help", "--version", "--config", "--state", "--set"});
      return fail(Code::invalid_input, "unknown option '" + base::printable(word) + "'" +
                                           (near ? "; did you mean " + *near + "?" : ""));
    }
  }
  if (options.config_file.empty() && access(std::string(usual_file).c_str(), R_OK) == 0)
    options.config_file = usual_file;
  return options;
}

Result<settings::Layers> read_layers(const DaemonOptions& options) {
  settings::Layers layers;
  layers.flags = options.set;
  layers.environment = environment();
  if (options.config_file.empty()) return layers;
  std::ifstream in(options.config_file, std::ios::binary);
  if (!in) return fail(Code::not_found, options.config_file + ": cannot be read");
  layers.file_name = options.config_file;
  layers.file_text.assign(std::istreambuf_iterator<char>(in), {});
  return layers;
}

std::string daemon_help(std::string_view name, std::string_view what, std::string_view usual_file) {
  const std::string n(name);
  return n + ": " + std::string(what) + "\n\nUsage: " + n + " [options]\n\nOptions:\n" +
         "  --config FILE     Settings as TOML. Default: " + std::string(usual_file) + ", if it is there.\n"
         "  --set KEY=VALUE   One setting, over file and environment; may be repeated.\n"
         "  --state DIR       Short for --set state=DIR.\n"
         "  --check           Print every setting, its value and where it came from; start nothing.\n"
         "  --json            With --check: as JSON, with the meaning of each.\n"
         "  --version         Print the version.\n"
         "  --help            Print this.\n\n"
         "Environment: SELVEDGE_<KEY> with '.' and '-' as '_', for example SELVEDGE_LOG_LEVEL=debug.\n"
         "SIGTERM and SIGINT end it in order; a second one ends it at once.\n";
}

int wait_for_end(os::RealWorld& world) {
  const int signals[] = {SIGTERM, SIGINT};
  return world.run(signals);
}

}  // namespace selvedge::apps
