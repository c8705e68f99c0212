// selvedge-node: the edge node's daemon. It assembles and nothing else.

#include <cstdio>

#include "apps/program.h"
#include "base/version.h"
#include "node/node.h"
#include "os/process.h"

namespace {

using selvedge::base::Result;
namespace apps = selvedge::apps;
namespace node = selvedge::node;
namespace log_ = selvedge::base::log;

constexpr std::string_view usual_file = "/etc/selvedge/node.toml";

Result<int> run(std::span<char* const> words) {
  const apps::DaemonOptions options = TRY(apps::parse_daemon_options(words, usual_file));
  if (options.help || options.version) {
    const std::string text =
        options.help ? apps::daemon_help("selvedge-node", "an edge node.", usual_file)
                     : "selvedge-node " + std::string(selvedge::base::version) + "\n";
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  node::NodeConfig config;
  selvedge::settings::Settings settings;
  config.bind_to(settings);
  TRY(settings.load(TRY(apps::read_layers(options))));
  TRY(config.finish());
  if (options.check) {
    const auto explained = settings.explained();
    std::puts((options.json ? to_json(explained) : to_text(explained)).c_str());
    return 0;
  }
  log_::set_level(TRY(log_::parse_level(config.log_level)));
  log_::set_format(TRY(log_::parse_format(config.log_format)));
  selvedge::base::ignore(selvedge::os::raise_open_files_limit(), "the limit there is will do");

  auto world = TRY(selvedge::os::RealWorld::create());
  auto daemon = TRY(node::Node::create(*world, config));
  TRY(daemon->start());
  selvedge::base::ignore(selvedge::os::notify_supervisor("READY=1"), "nobody may be listening");
  apps::wait_for_end(*world);
  selvedge::base::ignore(selvedge::os::notify_supervisor("STOPPING=1"), "nobody may be listening");
  daemon->stop([&world] { world->stop(); });
  apps::wait_for_end(*world);
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return apps::run_program("selvedge-node", argc, argv, run); }
