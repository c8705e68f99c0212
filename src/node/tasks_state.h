// Tasks::State, private to tasks*.cc: tasks.cc (life), tasks_driving.cc (the supervisor), tasks_runs.cc, tasks_preparing.cc,
// tasks_checking.cc, tasks_wishes.cc and tasks_report.cc (the twin), tasks_site.cc, tasks_http.cc.

#pragma once

#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <vector>

#include "engine/task/supervisor.h"
#include "node/task_run.h"
#include "node/task_standby.h"
#include "node/tasks.h"

namespace selvedge::node {

inline constexpr std::string_view tasks_feature = "tasks";
inline constexpr std::string_view supervisor_file = ".supervisor";

struct Tasks::State final : TaskRunHost, SiteTasks, std::enable_shared_from_this<Tasks::State> {
  State(os::World& w, TasksConfig c, store::TwinStore& t, Fetcher& fetcher, store::ArtifactStore& artifact_store,
        TaskArtifactsHost trust, Ingest& i, base::Registry& metrics, TasksHost h);
  ~State() override;

  using RunKey = std::pair<std::string, std::uint64_t>;
  struct Preparing;
  struct Checking;

  // ---- life ----
  void adopt_all(std::vector<TaskRunFile> files);
  void adopted_one();
  void begin();
  void make_metrics(base::Registry& metrics);

  // ---- driving ----
  void feed(engine::TaskInput input);              // takes effect in order, also from within
  void drain();
  void carry_out(engine::TaskOutputs& out);
  void arm();
  void save();
  void saved(const base::Result<void>& outcome);
  void after_save(std::function<void()> what);     // once all so far is on disk

  // ---- runs ----
  void start_run(const engine::TaskStart& start);
  void signal_run(const engine::TaskSignal& signal);
  void run_started(TaskRun& run, const std::string& limits) override;
  void run_failed(TaskRun& run, Again again, const std::string& why) override;
  void run_ended(TaskRun& run, std::optional<std::int32_t> status, const std::string& why) override;
  void run_found_readings(TaskRun& run, const LineReadings& readings) override;
  std::unique_ptr<os::Child> serve(const model::Task& task, os::ChildEvents& events) override { return host.serve(task, events); }
  void forget_run(const RunKey& key);
  std::shared_ptr<TaskRun> take_out(const RunKey& key);
  TaskRun* running(std::string_view name);
  void stop_runs(std::function<void()> done);
  void leave_runs();                               // all that may go on without the program
  std::shared_ptr<TaskLog> log_of(const std::string& name, std::int64_t bytes);
  std::uint32_t lane(std::string_view name) const;
  void feeds_changed();

  // ---- preparing ----
  void prepare(const engine::TaskPrepare& asked);
  void next_artifact(const std::shared_ptr<Preparing>& one);
  void unpack(const std::shared_ptr<Preparing>& one, TaskArtifacts::Reader reader);
  void prepared(const std::shared_ptr<Preparing>& one, engine::TaskOutcome outcome, std::string reason);
  void abandon(const engine::TaskAbandon& asked);

  // ---- checking ----
  void check(const engine::TaskCheck& asked);
  void checked(const std::shared_ptr<Checking>& one, std::optional<std::string> trouble);

  // ---- the twin ----
  std::string id() const;
  void read_wishes_soon();
  void read_wishes();
  void beat();
  bool has_leases() const;
  void report(const engine::TaskReport& report);
  void report_soon();
  void write_reports();
  void check_heard();

  // ---- the site ----
  void site_run(const std::string& task, const std::string& document) override;
  void site_end(const std::string& task, Ends ends, const std::string& why) override;
  void site_says(const std::string& task, const std::string& why) override;
  bool site_can_run(const model::Task& task) override;
  void site_stand_by(std::vector<model::Task> tasks) override;
  std::uint32_t site_load() override;
  void add_lent(std::map<std::string, std::string>& wishes);
  void pause_for_site(const std::string& name, const std::string& value);
  void tell_site();
  void check_site_soon();
  void check_site();
  bool has_run(const std::string& name) const;
  bool leaves_room(std::int64_t memory) const;

  // ---- seen from outside ----
  std::string task_json(const std::string& name, const model::TaskStatus& status) const;
  std::string list_json() const;
  std::optional<model::TaskStatus> status_of(const std::string& name) const;
  base::Result<void> restart(const std::string& name);
  void send_log(const std::string& name, const net::http::Request& request, const net::http::Respond& respond);

  os::World& world;
  TasksConfig config;
  store::TwinStore& twins;
  Ingest& ingest;
  TasksHost host;
  TaskPlace place;
  TaskArtifacts artifacts;
  engine::TaskSupervisor supervisor;
  std::shared_ptr<os::Dir> dir;                    // of all tasks; shared with jobs on the pool
  std::string boot;

  enum class Phase : std::uint8_t { idle, adopting, running, stopped } phase = Phase::idle;
  std::size_t to_adopt = 0;
  std::map<RunKey, engine::TaskFound> found;       // until begin()
  std::deque<engine::TaskInput> inputs;
  bool draining = false;
  os::TimerId timer = os::TimerId::none;
  base::Instant timer_at{};

  bool saving = false, dirty = false;
  std::vector<engine::TaskStart> held_back, next_held_back;      // starts that wait for a save
  std::vector<std::function<void()>> after_saving, next_after_saving;

  std::map<RunKey, std::shared_ptr<TaskRun>> runs;
  std::map<std::string, std::string> whys;         // why the last run ended, where it was ended
  std::map<std::string, std::shared_ptr<TaskLog>> logs;
  std::set<std::string> restarting;
  std::vector<TaskRun*> fed_by_series, fed_by_topic;
  std::unordered_map<model::SeriesId, std::vector<TaskRun*>> feeds;
  std::function<void()> stopped;
  os::TimerId stop_timer = os::TimerId::none;

  std::map<RunKey, std::shared_ptr<Preparing>> preparing;
  std::map<std::string, std::shared_ptr<Checking>> checking;
  std::unique_ptr<net::http::Client> client;       // of health checks

  Site* site = nullptr;
  bool site_begun = false, site_planned = false;
  std::map<std::string, std::string> of_site;      // wishes of the cloud that the site decides about
  std::map<std::string, std::string> lent;         // what the site has this node run; documents
  std::set<std::string> allowed;                   // what it may run of both
  std::set<std::string> ending, disowned;             // the site waits for their ends; not of these, which are no more its own
  std::unique_ptr<TaskStandby> standby;

  std::map<std::string, std::string> wished;       // as last read, with what is lent
  std::set<std::string> refused;                   // reported as failed since tasks are not enabled
  std::string revision, heard;                     // JSON
  bool read_planned = false, report_planned = false;
  std::map<std::string, std::optional<model::TaskStatus>> reports;   // to be written
  base::Instant reported{};
  std::uint64_t beats = 0;
  os::TimerId report_timer = os::TimerId::none, beat_timer = os::TimerId::none;
  store::TwinStore::WatchId watch = 0;
  std::shared_ptr<void> log_slot = std::make_shared<int>();

  base::Counter* readings_stored = nullptr;
  base::Counter* readings_refused = nullptr;
  std::uint64_t unread_before = 0;                 // by runs that ended
};

}  // namespace selvedge::node
