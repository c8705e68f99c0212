// Command: one row of the command line: noun, verb, what it takes, and the function that does it.
//
// The table is the only truth: parsing, help, completion and the reference page are made from it.

#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/out.h"
#include "os/world.h"

namespace selvedge::cli {

struct Flag {
  std::string name;                  // "cloud", without dashes
  std::string value;                 // "URL"; empty: a switch
  std::string help;
  std::string otherwise = {};        // default, for help
  std::string environment = {};      // variable that gives it
};

struct Arguments {
  std::vector<std::string> positional;
  std::map<std::string, std::string, std::less<>> flags;   // given or by environment

  bool has(std::string_view flag) const { return flags.find(flag) != flags.end(); }
  std::string text(std::string_view flag, std::string_view otherwise = {}) const;
  // Its words, apart by commas, without empty ones.
  std::vector<std::string> list(std::string_view flag) const;
  base::Result<std::int64_t> integer(std::string_view flag, std::int64_t otherwise,
                                     std::int64_t low, std::int64_t high) const;
};

// What a command may use. The world's loop is not running; see wait_for() in api_client.h.
struct Session {
  os::RealWorld& world;
  Out& out;
};

struct Command {
  std::string noun, verb;            // verb empty: "selvedge check"
  std::string positional;            // "NAME", "FILE...", "[NAME]"
  std::size_t least = 0, most = 0;   // positionals
  std::string help;                  // one line
  std::string details = {};          // a paragraph
  std::vector<std::string> examples = {};
  std::vector<Flag> flags = {};
  std::function<base::Result<int>(const Arguments&, Session&)> run;
};

// All of them, sorted by noun and verb.
std::span<const Command> commands();

// Flags that every command takes.
std::span<const Flag> common_flags();

// Finds the command and its arguments. Code::invalid_input with a suggestion otherwise.
struct Parsed {
  const Command* command = nullptr;  // null: help was asked for
  Arguments arguments;
  std::string help_for;              // noun or "noun verb", if help was asked for
  bool help = false;
};
base::Result<Parsed> parse(std::span<char* const> words,
                           const std::map<std::string, std::string>& environment);

std::string help_overview();
std::string help_noun(std::string_view noun);
std::string help_command(const Command& command);
std::string bash_completion();

}  // namespace selvedge::cli
