// selvedge: the operator's command line. What it can do is the table in cli/.

#include <cstdio>
#include <string>

#include "apps/program.h"
#include "cli/command.h"

namespace {

using namespace std::string_view_literals;
namespace cli = selvedge::cli;

selvedge::base::Result<int> run(std::span<char* const> words) {
  const cli::Parsed parsed = TRY(cli::parse(words, selvedge::apps::environment()));
  if (parsed.help) {
    const std::string text = parsed.command != nullptr  ? cli::help_command(*parsed.command)
                             : parsed.help_for.empty() ? cli::help_overview()
                                                       : cli::help_noun(parsed.help_for);
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  auto world = TRY(selvedge::os::RealWorld::create());
  selvedge::base::log::set_level(selvedge::base::log::Level::warn);
  cli::Out out(parsed.arguments.has("json"));
  cli::Session session{*world, out};
  return parsed.command->run(parsed.arguments, session);
}

}  // namespace

int main(int argc, char** argv) { return selvedge::apps::run_program("selvedge"sv, argc, argv, run); }
