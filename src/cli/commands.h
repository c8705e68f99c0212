// The commands of each noun. cli/commands.cc puts them into one table.

#pragma once

#include <vector>

#include "cli/command.h"

namespace selvedge::cli {

std::vector<Command> node_commands();
std::vector<Command> series_commands();
std::vector<Command> block_commands();      // block
std::vector<Command> device_commands();
std::vector<Command> identity_commands();   // token, certificate
std::vector<Command> access_commands();
std::vector<Command> authority_commands();  // authority, certificate
std::vector<Command> verify_commands();     // series verify
std::vector<Command> replay_commands();     // device replay
std::vector<Command> follow_commands();     // device follow
std::vector<Command> fetch_commands();      // fetch
std::vector<Command> check_commands();      // check
std::vector<Command> artifact_commands();   // artifact, node artifacts
std::vector<Command> task_commands();       // task
std::vector<Command> twin_commands();       // twin
std::vector<Command> keys_commands();       // keys
std::vector<Command> sign_commands();       // artifact sign, artifact verify
std::vector<Command> detect_commands();     // detect
std::vector<Command> model_commands();      // model
std::vector<Command> own_commands();        // completion, version

// Prints `answer` as JSON, or its members as a table: each column is a member's name and a heading.
struct Column {
  std::string member, heading;
};
void print_rows(Out& out, const std::string& json, const std::vector<Column>& columns);

// Prints the answer to a query for readings: JSON as it is, or its rows.
base::Result<int> print_readings(Out& out, const std::string& answer);

}  // namespace selvedge::cli
