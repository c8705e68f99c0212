#include "cli/commands.h"

#include <algorithm>

#include "codec/json/value.h"

namespace selvedge::cli {
namespace {

std::vector<Command> all_commands() {
  std::vector<Command> all;
  for (auto part : {node_commands(), series_commands(), block_commands(), device_commands(), identity_commands(),
                    authority_commands(), access_commands(), artifact_commands(),
                    verify_commands(), replay_commands(), follow_commands(), fetch_commands(), check_commands(), detect_commands(), model_commands(),
                    task_commands(), twin_commands(), keys_commands(), sign_commands(), own_commands()})
    for (Command& command : part) all.push_back(std::move(command));
  std::ranges::sort(all, [](const Command& a, const Command& b) {
    return std::tie(a.noun, a.verb) < std::tie(b.noun, b.verb);
  });
  return all;
}

}  // namespace

std::span<const Command> commands() {
  static const std::vector<Command> all = all_commands();
  return all;
}

void print_rows(Out& out, const std::string& json, const std::vector<Column>& columns) {
  if (out.json()) return out.document(json);
  const auto parsed = codec::json::parse(json);
  if (!parsed) return out.document(json);
  std::vector<std::string> header;
  for (const Column& column : columns) header.push_back(column.heading);
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const codec::json::Value& item) {
    std::vector<std::string>& row = rows.emplace_back();
    for (const Column& column : columns) row.push_back(item[column.member].print());
  };
  if (parsed->is_object()) add(*parsed);
  else std::ranges::for_each(parsed->array(), add);
  out.table(header, rows);
}

}  // namespace selvedge::cli
