// TaskLog: what a task wrote, line by line, in two files of its folder: "log", and "log.old" that was full before it.
//
// A line is "<time> <stream> <text>", the text printable and cut at most_line. Both files together have about as many
// bytes as the task may keep; the older half goes. Lines are written together, on the pool; what comes while
// `most_waiting` bytes wait is lost, counted, and said in the log. Nothing of it is synced: after a power cut the last
// lines may be missing. Readers that follow have bounds of their own (task_log_stream.h). Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "os/world.h"

namespace selvedge::node {

class TaskLog : public std::enable_shared_from_this<TaskLog> {
 public:
  static constexpr std::size_t most_line = 8 << 10, most_waiting = 256 << 10;
  static constexpr std::size_t most_tail_bytes = 1 << 20;

  // `folder` is that of the task; all work on files is in `lane`. `bytes`: of both files.
  TaskLog(os::World& world, std::string folder, std::uint32_t lane, std::uint64_t bytes);
  ~TaskLog();

  std::int64_t bytes() const { return static_cast<std::int64_t>(bytes_); }
  void set_bytes(std::uint64_t bytes) { bytes_ = bytes; }
  // Its folder goes: nothing is written from now on.
  void end() { ended_ = true; }
  void line(std::string_view stream, std::string_view text);
  std::uint64_t lost() const { return lost_; }

  // The last lines, at most so many and most_tail_bytes; all that came before this call are among them, if they fit.
  void tail(std::size_t lines, std::function<void(base::Result<std::string>)> done);
  // Told of each line from now on, with its end, and of an empty one when the log goes. Ends when what is returned goes.
  using Heard = std::function<void(std::string_view line)>;
  std::shared_ptr<void> follow(Heard heard);

 private:
  void flush();
  void tell(std::string_view line);

  os::World& world_;
  std::string folder_;
  std::uint32_t lane_;
  std::uint64_t bytes_;
  std::string waiting_;
  bool flushing_ = false, ended_ = false;
  std::uint64_t lost_ = 0, lost_unsaid_ = 0;
  std::list<std::weak_ptr<Heard>> followers_;
};

}  // namespace selvedge::node
