// Tasks: what is wished in `features/tasks/desiredProperties/<name>` of the node's twin runs on this node.
//
// engine::TaskSupervisor decides; this brings it the wishes, the artifacts, the processes and their ends, the answers of
// health checks and the contact with the cloud, carries out what it decides in the order it asks for, and reports in
// the twin. What it saved is on disk before a run starts. The node's program may end and begin again: tasks go on and
// are taken over. docs/spec/task.md.
//
// `features/tasks/desiredProperties/_revision` is a number that whoever wishes may write with its wishes. It is said back
// in `features/tasks/properties/_heard` once the wishes it came with were taken up and all that was withdrawn has ended.
//
// A task with the disconnect policy `site` runs where the node's site says (node/site.h), if it is in one: join_site().
//
// Bounded: tasks by the twin and the supervisor, their output by `log`, what they are fed by TaskRun::most_unread, their
// memory together by tasks.memory: one that does not fit waits. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/metrics.h"
#include "net/api/access.h"
#include "net/http/http.h"
#include "node/ingest.h"
#include "node/site.h"
#include "node/task_artifacts.h"
#include "os/child.h"
#include "node/task_log.h"
#include "os/world.h"
#include "store/twin_store.h"

namespace selvedge::node {

struct TasksConfig {
  bool enabled = true;
  std::string state;                               // of the node
  std::uint64_t memory = 0;                        // of all tasks that say what they need; 0: no bound
  std::uint64_t folder = std::uint64_t{1} << 30;   // unpacked artifacts of a task that does not say
  std::uint32_t user = 0;
  std::string secrets;
  os::ChildSandbox::Without without_sandbox = os::ChildSandbox::Without::go_on;
  bool stop_with_node = false;
};

struct TasksHost {
  std::function<std::string()> node;               // its name, as the cloud has it
  std::function<void()> plan_commit;               // readings were added
  std::function<std::unique_ptr<os::Child>(const model::Task& task, os::ChildEvents& events)> serve;   // of kind model
};

class Tasks {
 public:
  // All references must outlive it. Reads what earlier runs left; nothing is begun.
  static base::Result<std::unique_ptr<Tasks>> open(os::World& world, TasksConfig config, store::TwinStore& twins,
                                                   Fetcher& fetcher, store::ArtifactStore& artifacts,
                                                   TaskArtifactsHost trust, Ingest& ingest, base::Registry& metrics,
                                                   TasksHost host);
  ~Tasks();

  // Takes over what runs, then does as is wished. Again after the node has got another name.
  void start();
  // Nothing is started any more. Tasks go on, or are ended first if the config says so.
  void stop(std::function<void()> done);

  void connected();                                // the cloud can be told of changes
  void contact(base::Instant sent);                // all that the cloud had to say when this was sent is here

  // From now on the site says where its tasks run; it must outlive this, or be left by stop(). What runs of them ends first.
  SiteTasks& site_tasks();
  void join_site(Site& site);

  // For feeds. `device` is who measured.
  void reading(model::SeriesId id, std::string_view series, base::Time time, const model::ValueView& value);
  void message(std::string_view topic, base::BytesView payload);

  void add_routes(net::http::Server& server, const net::api::Identify& identify, net::api::Audit audit);
  // What a task writes; null if there is no such task.
  std::shared_ptr<TaskLog> log(const std::string& task);
  // How they are, in a few numbers.
  std::string summary_json() const;

  struct State;                                    // tasks_state.h

 private:
  explicit Tasks(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace selvedge::node
