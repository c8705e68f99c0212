#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "cli/command.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

const std::array<Flag, 2> common = {{{"json", "", "Print JSON for programs."},
                                     {"help", "", "Say what the command does."}}};

std::string usage_hint(const Command& command) {
  return "; see selvedge " + command.noun + (command.verb.empty() ? "" : " " + command.verb) +
         " --help";
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const auto near = base::did_you_mean(word, candidates);
  return near ? "; did you mean '" + *near + "'?" : "";
}

const Flag* find_flag(const Command& command, std::string_view name) {
  for (const Flag& flag : command.flags)
    if (flag.name == name) return &flag;
  for (const Flag& flag : common)
    if (flag.name == name) return &flag;
  return nullptr;
}

Result<const Command*> find_command(std::span<char* const> words, std::size_t& used) {
  std::set<std::string> nouns;
  std::vector<std::string> verbs;
  const std::string_view noun = words[0];
  const std::string_view verb = words.size() > 1 ? words[1] : "";
  for (const Command& command : commands()) {
    nouns.insert(command.noun);
    if (command.noun != noun) continue;
    if (command.verb.empty()) {
      used = 1;
      return &command;
    }
    verbs.push_back(command.verb);
    if (command.verb == verb) {
      used = 2;
      return &command;
    }
  }
  if (verbs.empty())
    return fail(Code::invalid_input,
                "unknown command '" + base::printable(noun) + "'" +
                    suggestion(noun, {nouns.begin(), nouns.end()}));
  std::string all;
  for (const std::string& v : verbs) all += (all.empty() ? "" : ", ") + v;
  if (verb.empty() || verb.starts_with("-"))
    return fail(Code::invalid_input, std::string(noun) + " what? one of " + all);
  return fail(Code::invalid_input, "unknown command '" + std::string(noun) + " " +
                                       base::printable(verb) + "'" + suggestion(verb, verbs));
}

}  // namespace

std::span<const Flag> common_flags() { return common; }

std::string Arguments::text(std::string_view flag, std::string_view otherwise) const {
  const auto at = flags.find(flag);
  return at != flags.end() ? at->second : std::string(otherwise);
}

std::vector<std::string> Arguments::list(std::string_view flag) const {
  std::vector<std::string> words;
  const std::string all = text(flag);
  for (std::string_view left = all; !left.empty();) {
    const std::size_t end = std::min(left.find(','), left.size());
    if (end > 0) words.emplace_back(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return words;
}

Result<std::int64_t> Arguments::integer(std::string_view flag, std::int64_t otherwise,
                                        std::int64_t low, std::int64_t high) const {
  const auto at = flags.find(flag);
  if (at == flags.end()) return otherwise;
  const auto value = base::parse_int(at->second);
  if (!value || *value < low || *value > high)
    return fail(Code::invalid_input, "--" + std::string(flag) + ": expected a whole number from " +
                                         std::to_string(low) + " to " + std::to_string(high));
  return *value;
}

Result<Parsed> parse(std::span<char* const> words,
                     const std::map<std::string, std::string>& environment) {
  Parsed parsed;
  const auto is_help = [](std::string_view w) { return w == "--help" || w == "-h" || w == "help"; };
  if (words.empty() || is_help(words[0])) {
    parsed.help = true;
    for (std::size_t i = 1; i < words.size(); ++i)
      parsed.help_for += (i > 1 ? " " : "") + std::string(words[i]);
    return parsed;
  }
  if (words.size() > 1 && is_help(words[1])) {
    for (const Command& command : commands())
      if (command.noun == words[0] && !command.verb.empty()) {
        parsed.help = true;
        parsed.help_for = words[0];
        return parsed;
      }
  }
  std::size_t used = 0;
  const Command& command = *TRY(find_command(words, used));
  parsed.command = &command;
  bool only_positional = false;
  for (std::size_t i = used; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (only_positional || !word.starts_with("-") || word == "-") {
      parsed.arguments.positional.emplace_back(word);
      continue;
    }
    if (word == "--") {
      only_positional = true;
      continue;
    }
    if (word == "-h") word = "--help";
    if (word == "-f" && find_flag(command, "follow") != nullptr) word = "--follow";
    if (!word.starts_with("--"))
      return fail(Code::invalid_input,
                  "unknown option '" + base::printable(word) + "'" + usage_hint(command));
    std::string name(word.substr(2));
    std::optional<std::string> value;
    if (const std::size_t equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    }
    const Flag* flag = find_flag(command, name);
    if (flag == nullptr) {
      std::vector<std::string> known;
      for (const Flag& f : command.flags) known.push_back("--" + f.name);
      return fail(Code::invalid_input, "unknown option '--" + base::printable(name) + "'" +
                                           suggestion("--" + name, known) + usage_hint(command));
    }
    if (flag->value.empty() && value)
      return fail(Code::invalid_input, "--" + name + " takes no value");
    if (!flag->value.empty() && !value) {
      if (i + 1 == words.size())
        return fail(Code::invalid_input, "--" + name + " needs a value: " + flag->value);
      value = words[++i];
    }
    parsed.arguments.flags[name] = value.value_or("");
  }
  if (parsed.arguments.has("help")) {
    parsed.help = true;
    parsed.help_for = command.noun + (command.verb.empty() ? "" : " " + command.verb);
    return parsed;
  }
  for (const Flag& flag : command.flags) {
    if (flag.environment.empty() || parsed.arguments.has(flag.name)) continue;
    const auto at = environment.find(flag.environment);
    if (at != environment.end()) parsed.arguments.flags[flag.name] = at->second;
  }
  const std::size_t count = parsed.arguments.positional.size();
  if (count < command.least)
    return fail(Code::invalid_input, "missing " + command.positional + usage_hint(command));
  if (count > command.most)
    return fail(Code::invalid_input,
                "unexpected '" + base::printable(parsed.arguments.positional[command.most]) + "'" +
                    usage_hint(command));
  return parsed;
}

}  // namespace selvedge::cli
