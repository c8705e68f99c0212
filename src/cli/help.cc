#include <algorithm>
#include <set>

#include "cli/command.h"

namespace selvedge::cli {
namespace {

std::string full_name(const Command& command) {
  std::string name = command.noun;
  if (!command.verb.empty()) name += " " + command.verb;
  return name;
}

std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t wide = 0;
  for (const auto& [left, right] : rows) wide = std::max(wide, left.size());
  std::string text;
  for (const auto& [left, right] : rows)
    text += "  " + left + std::string(wide - left.size() + 2, ' ') + right + "\n";
  return text;
}

}  // namespace

std::string help_overview() {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command& command : commands()) rows.emplace_back(full_name(command), command.help);
  return "selvedge: an edge computing platform; this is the operator's command line.\n\n"
         "Usage: selvedge NOUN VERB [arguments] [--json] [--help]\n\nCommands:\n" +
         two_columns(rows) +
         "\nWhere to: --cloud URL and --identity DIR (or SELVEDGE_CLOUD, SELVEDGE_IDENTITY) for the "
         "cloud,\n--node URL (or SELVEDGE_NODE, default http://127.0.0.1:8080) for a node.\n"
         "Exit status: 0 done, 2 wrong request, 3 not found, 4 conflict, 5 denied, 6 unavailable,\n"
         "7 a limit was reached, 8 damaged data, 9 internal error.\n";
}

std::string help_noun(std::string_view noun) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command& command : commands())
    if (command.noun == noun) rows.emplace_back(full_name(command), command.help);
  if (rows.empty()) return help_overview();
  return "Usage: selvedge " + std::string(noun) + " VERB [arguments]\n\n" + two_columns(rows);
}

std::string help_command(const Command& command) {
  std::string text = "Usage: selvedge " + full_name(command);
  if (!command.positional.empty()) text += " " + command.positional;
  if (!command.flags.empty()) text += " [options]";
  text += "\n\n" + command.help + "\n";
  if (!command.details.empty()) text += "\n" + command.details + "\n";
  std::vector<std::pair<std::string, std::string>> rows;
  const auto add = [&rows](const Flag& flag) {
    std::string help = flag.help;
    if (!flag.otherwise.empty()) help += " Default: " + flag.otherwise + ".";
    if (!flag.environment.empty()) help += " (" + flag.environment + ")";
    rows.emplace_back("--" + flag.name + (flag.value.empty() ? "" : " " + flag.value), help);
  };
  std::ranges::for_each(command.flags, add);
  std::ranges::for_each(common_flags(), add);
  text += "\nOptions:\n" + two_columns(rows);
  if (!command.examples.empty()) {
    text += "\nExamples:\n";
    for (const std::string& example : command.examples) text += "  " + example + "\n";
  }
  return text;
}

std::string bash_completion() {
  std::set<std::string> nouns;
  for (const Command& command : commands()) nouns.insert(command.noun);
  std::string text =
      "# bash completion for selvedge; source it, or put it into\n"
      "# /usr/share/bash-completion/completions/selvedge\n"
      "_selvedge() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} noun=${COMP_WORDS[1]} verb=${COMP_WORDS[2]} words=\n"
      "  if [[ $COMP_CWORD -eq 1 ]]; then words='";
  for (const std::string& noun : nouns) text += noun + " ";
  text += "help'\n  else\n    case \"$noun $verb\" in\n";
  for (const Command& command : commands()) {
    std::string flags = "--json --help";
    for (const Flag& flag : command.flags) flags += " --" + flag.name;
    text += "      '" + full_name(command) + (command.verb.empty() ? " '*" : "'") + ") words='" +
            flags + "' ;;\n";
  }
  text += "    esac\n    if [[ $COMP_CWORD -eq 2 && $word != -* ]]; then\n      case \"$noun\" in\n";
  for (const std::string& noun : nouns) {
    std::string verbs;
    for (const Command& command : commands())
      if (command.noun == noun && !command.verb.empty()) verbs += command.verb + " ";
    if (!verbs.empty()) text += "        " + noun + ") words='" + verbs + "' ;;\n";
  }
  text +=
      "      esac\n    fi\n  fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "  [[ ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"$word\"))\n"
      "}\n"
      "complete -F _selvedge selvedge\n";
  return text;
}

}  // namespace selvedge::cli
