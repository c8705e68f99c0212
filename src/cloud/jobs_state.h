// Jobs::State: what the .cc files of jobs share. Private to them:
//   jobs.cc          a turn: what changed, what the book decides, what is placed
//   jobs_twins.cc    nodes' twins: what they say, and the wishes in them
//   jobs_restore.cc  at a start
//   jobs_api.cc      HTTP
//   jobs_views.cc    what is shown

#pragma once

#include <array>
#include <map>
#include <set>

#include "cloud/ask_queue.h"
#include "cloud/jobs.h"
#include "cloud/jobs_file.h"
#include "cloud/task_logs.h"

namespace selvedge::cloud {

struct Jobs::State : std::enable_shared_from_this<Jobs::State> {
  using NodeNow = engine::NodeChanged::Now;
  struct Node {
    bool connected = false, full = false;
    Scheduling scheduling = Scheduling::ready;
    std::optional<NodeNow> told;                   // to the book
    std::uint64_t revision = 0;                    // of its wishes, with what is on its way
    std::map<std::string, std::uint64_t> withdrawn;   // task -> revision, until the node says that it has gone
  };
  struct Change {                                  // of one wish, on its way to a twin
    std::string node, task;
    std::optional<model::Task> wish;
    std::uint64_t revision = 0;
  };
  using Saved = std::function<void(base::Result<void>)>;

  State(os::World& w, store::TwinStore& t, JobsSettings s, base::Registry& metrics);
  ~State();

  // ---- jobs.cc ----
  void plan_turn();
  void turn();
  base::Result<void> step(const engine::JobInput& input);
  void settle();
  void free_rooms();
  void answer(const engine::AskPlace& ask);
  void displace_for(const engine::AskPlace& ask, std::string& reason);
  void deliver();
  base::Result<void> save();
  void try_again();
  void learn_soon();
  void arm();
  void when_saved(Saved done);                     // after what was stepped so far

  // ---- jobs_twins.cc ----
  void changed(const store::TwinEvent& event);
  void take_nodes();
  void take_reports();
  void refresh(const std::string& name);
  void told_gone(const std::string& name);
  void apply(std::vector<Change> more);
  base::Result<void> write(const std::string& node, const std::vector<const Change*>& changes);
  void set_full(const std::string& node, bool full);

  // ---- jobs_restore.cc ----
  base::Result<void> restore(const std::string& path);
  struct Claim;                                    // of a task to be where it was
  void find_wishes(const std::string& name, const engine::Twin& twin, const std::vector<LeftTask>& left, std::vector<Claim>& claims);
  void stands(const std::string& name, model::Task task);
  void leaves(const LeftTask& left);
  void hold(const engine::MemberKey& member, const std::string& node, const model::Resources& resources,
            const model::AcceleratorAsk& accelerators);

  // ---- jobs_api.cc ----
  void put_job(const net::api::Caller& who, const net::http::Request& request, const net::http::Respond& respond);
  void delete_job(const net::api::Caller& who, const net::http::Request& request, const net::http::Respond& respond);
  void get_log(const net::http::Request& request, const net::http::Respond& respond);
  void get_job(const net::http::Request& request, const net::http::Respond& respond);
  void schedule(const net::api::Caller& who, const std::string& node, Scheduling wished, const net::http::Respond& respond);

  // ---- jobs_views.cc ----
  std::string jobs_json() const;
  std::string job_json(const std::string& name) const;
  std::string tasks_json(std::string_view node, std::string_view job) const;
  base::Result<std::string> explain_json(const std::string& name, std::string_view group, std::size_t closest);
  base::Result<std::string> plan_json(const model::Job& job);
  void make_metrics(base::Registry& metrics);
  using Counts = std::array<std::size_t, 7>;       // by MemberState
  const Counts& count_members() const;

  os::World& world;
  store::TwinStore& twins;
  JobsSettings settings;
  engine::JobBook book;
  JobPlaces places;
  std::unique_ptr<JobsFile> file;
  JobsAccess access;
  std::optional<TaskLogs> logs;
  std::map<std::string, Node, std::less<>> nodes;
  store::TwinStore::WatchId watch = 0;
  bool own_edit = false;                           // what the watcher sees is ours

  // What the next turn takes.
  std::set<std::string> changed_nodes, removed_nodes, heard_nodes;
  std::set<std::pair<std::string, std::string>> changed_tasks;   // node, task
  std::vector<engine::MemberDisplaced> displaced;
  AskQueue asks;
  engine::JobOutputs out;
  bool turn_planned = false;
  os::TimerId wake_timer{}, retry_timer{}, learn_timer{};

  std::map<std::pair<std::string, std::string>, std::string> refused;   // job, group: why, while nothing became free
  std::map<engine::MemberKey, std::set<engine::MemberKey>> displacing;  // who waits for whom to go

  // On their way to the disk, and then to twins.
  std::set<std::string> unsaved;
  std::vector<LeftTask> unsaved_left;
  std::vector<Change> unwritten, stuck;            // not yet saved; saved, and not taken by a twin
  std::vector<Saved> waiters;
  std::size_t commits = 0;                         // under way
  mutable std::optional<base::Instant> counted_at;
  mutable Counts counted{};

  base::Counter *placed_total, *refused_total, *displaced_total, *edits_failed;
};

}  // namespace selvedge::cloud
