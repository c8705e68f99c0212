// TaskLogLink: a task's log for the cloud, which asks for it in commands to the node itself ("_node", feature "tasks",
// subject "logs") on the connection that it has to the node anyway.
//
// A first request opens a reading: {"task":"web.front.0","tail":100,"follow":true}; the next ones name it: {"id":"..."}.
// Each answer is a line {"id":"...","ended":false,"missed":0}, and text below it. A request that finds nothing is held
// until a line comes, or a while. At most most_readings are open; what a reading does not fetch within `patience`
// ends it, and of lines that come while most_waiting bytes wait the newest are missed and counted. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "node/task_log.h"
#include "os/world.h"
#include "things/command.h"

namespace selvedge::node {

class TaskLogLink {
 public:
  static constexpr std::size_t most_readings = 16, most_waiting = TaskLog::most_tail_bytes + (256 << 10);
  static constexpr std::size_t page_bytes = 64 << 10;
  static constexpr std::int64_t most_lines = 10'000;
  static constexpr base::Duration patience = std::chrono::seconds(30), longest_hold = std::chrono::seconds(15);

  using Find = std::function<std::shared_ptr<TaskLog>(const std::string& task)>;   // null: there is no such task
  TaskLogLink(os::World& world, Find find);
  ~TaskLogLink();
  TaskLogLink(const TaskLogLink&) = delete;
  TaskLogLink& operator=(const TaskLogLink&) = delete;

  // Whether a command is for it, and its answer.
  static bool is_for_logs(const things::Command& command);
  void answer(const things::Command& command, things::CommandDone done);

  std::size_t readings() const { return readings_.size(); }

 private:
  struct Reading {
    std::shared_ptr<void> following;             // not the log itself, which says when it goes
    std::string text, early;                     // early: came while the tail was read
    std::uint64_t missed = 0;
    bool begun = false, ended = false;
    std::optional<things::CommandDone> waiting;
    os::TimerId timer{};
  };
  void open(const std::string& task, std::size_t lines, bool follow, base::Duration deadline, things::CommandDone done);
  void ask(const std::string& id, base::Duration deadline, things::CommandDone done);
  void heard(const std::string& id, std::string_view line);
  void tell_soon(const std::string& id);
  void tell(const std::string& id);
  void end(const std::string& id);

  os::World& world_;
  Find find_;
  std::map<std::string, Reading> readings_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::node
