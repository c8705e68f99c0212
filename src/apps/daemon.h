// The life of a daemon, the same for all: options, settings, world, start, wait, stop.

#pragma once

#include <cstdio>
#include <string>

#include "apps/program.h"
#include "base/version.h"
#include "os/process.h"

namespace selvedge::apps {

struct DaemonName {
  std::string_view program, what, usual_file;
};

// Daemon is a service (create, start, stop); Config binds itself to settings and has the log's
// level and format. Returns when a signal has asked for the end and the daemon has come to it.
template <typename Daemon, typename Config>
base::Result<int> run_daemon(const DaemonName& name, std::span<char* const> words) {
  const DaemonOptions options = TRY(parse_daemon_options(words, name.usual_file));
  if (options.help || options.version) {
    const std::string text = options.help ? daemon_help(name.program, name.what, name.usual_file)
                                          : std::string(name.program) + " " +
                                                std::string(base::version) + "\n";
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  Config config;
  settings::Settings settings;
  config.bind_to(settings);
  TRY(settings.load(TRY(read_layers(options))));
  TRY(config.finish());
  auto explained = settings.explained();
  if constexpr (requires { config.keep_sources(explained); }) config.keep_sources(explained);
  if (options.check) {
    if constexpr (requires(os::World& world) { Daemon::explain(world, config); })
      explained = Daemon::explain(*TRY(os::RealWorld::create()), config);
    std::puts((options.json ? to_json(explained) : to_text(explained)).c_str());
    return 0;
  }
  base::log::set_level(TRY(base::log::parse_level(config.log_level)));
  base::log::set_format(TRY(base::log::parse_format(config.log_format)));
  base::ignore(os::raise_open_files_limit(), "the limit there is will do");
  os::keep_heap_compact();

  TRY(os::claim_directory(config.state));
  auto world = TRY(os::RealWorld::create());
  auto daemon = TRY(Daemon::create(*world, config));
  TRY(daemon->start());
  base::ignore(os::notify_supervisor("READY=1"), "nobody may be listening");
  wait_for_end(*world);
  base::ignore(os::notify_supervisor("STOPPING=1"), "nobody may be listening");
  daemon->stop([&world] { world->stop(); });
  wait_for_end(*world);
  return 0;
}

}  // namespace selvedge::apps
