// TaskRun: one run of a task on this node: its process, what is fed to it, what it says.
//
// Before the process is started its run file is on disk, so that the next start of the node finds it. Lines for its
// stdin wait in a queue of most_unread bytes; when it does not read, the oldest go and are counted. Belongs to the loop
// thread; the host outlives it.

#pragma once

#include <deque>
#include <memory>
#include <string>

#include "node/task_files.h"
#include "node/task_image.h"
#include "node/task_lines.h"
#include "node/task_log.h"
#include "os/child.h"

namespace selvedge::node {

class TaskRun;

struct TaskPlace {
  std::string root;                                // <state>/tasks, as os::World has it
  std::string absolute;                            // the same for programs
  std::string state;                               // absolute; hidden from tasks
  std::string node;                                // its name
  std::string group;                               // of the control groups of its tasks
  std::string secrets;                             // folder; "": there are none
  std::uint32_t user = 0;
  os::ChildSandbox::Without without_sandbox = os::ChildSandbox::Without::go_on;
};

// How a program of a task is started, but for its secrets. `command` is the task's, or that of its health check; `image`: of a
// container.
os::ChildOptions task_options(const TaskPlace& place, const TaskRunFile& file, const std::vector<std::string>& command,
                              const ImageRun* image);

class TaskRunHost {
 public:
  virtual ~TaskRunHost() = default;
  virtual void run_started(TaskRun& run, const std::string& limits) = 0;
  // Nothing of it ran; `impossible`: nor will it.
  enum class Again : std::uint8_t { yes, later, no };
  virtual void run_failed(TaskRun& run, Again again, const std::string& why) = 0;
  virtual void run_ended(TaskRun& run, std::optional<std::int32_t> status, const std::string& why) = 0;
  virtual void run_found_readings(TaskRun& run, const LineReadings& readings) = 0;
  // Of kind model: what answers, in place of a process.
  virtual std::unique_ptr<os::Child> serve(const model::Task& task, os::ChildEvents& events) = 0;
};

class TaskRun final : os::ChildEvents, public std::enable_shared_from_this<TaskRun> {
 public:
  static constexpr std::size_t most_unread = 1 << 20;

  TaskRun(os::World& world, const TaskPlace& place, TaskRunFile file, std::shared_ptr<TaskLog> log, std::uint32_t lane,
          TaskRunHost& host);

  void start();                                    // then one of run_started, run_failed; then run_ended
  void adopt();                                    // then one of run_started, run_ended; run_failed: it never began
  // Before it has started it is not started any more.
  void term();
  void kill(std::string_view why);

  const TaskRunFile& file() const { return file_; }
  const std::string& name() const { return file_.name; }
  std::uint64_t number() const { return file_.run; }
  bool was_adopted() const { return adopted_; }
  bool is_running() const { return running_; }
  TaskLog& log() { return *log_; }
  void feed(std::string line);
  std::uint64_t unread() const { return unread_; }
  // Of its health check.
  os::ChildOptions options(const std::vector<std::string>& command) const {
    return task_options(place_, file_, command, image_.get());
  }
  os::ChildUsage usage() const { return child_ ? child_->usage() : os::ChildUsage{}; }

 private:
  void on_start(os::Child&, const os::ChildStart& how) override;
  void on_output(os::Child&, os::ChildOutput which, base::BytesView bytes) override;
  void on_drained(os::Child&) override { pump(); }
  void on_exit(os::Child&, const os::ChildExit& how) override;
  void on_failure(os::Child&, const base::Error& why) override;
  void spawn(const base::Result<void>& written);
  void take_over();
  void complete();                                 // the options, once it is known what the image says
  void said(std::string_view line);
  void pump();

  os::World& world_;
  const TaskPlace& place_;
  TaskRunFile file_;
  std::shared_ptr<TaskLog> log_;
  std::uint32_t lane_;
  TaskRunHost& host_;
  std::shared_ptr<os::ChildOptions> options_;      // shared with the job that reads secrets
  std::shared_ptr<ImageRun> image_;                // of a container; read on the pool
  std::unique_ptr<os::Child> child_;
  int adoptions_ = 0;
  bool adopted_ = false, running_ = false, unwanted_ = false;
  LineSplitter out_, error_;
  std::deque<std::string> lines_;
  std::size_t waiting_ = 0;
  std::uint64_t unread_ = 0;
};

}  // namespace selvedge::node
