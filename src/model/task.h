// Task: what is to run on a node, as the cloud wishes it in the node's twin and as a job file says it.
//
// A job has groups, a group has a count, and each of its members becomes a task: "<job>.<group>.<index>", wished for
// on one node at a time. Values only; codec/task reads and writes them, and bounds everything in them.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/artifact.h"
#include "model/resources.h"

namespace selvedge::model {

struct TaskLimits {
  static constexpr std::uint32_t tasks = 1'000;            // on one node
  static constexpr std::uint32_t arguments = 256, argument_bytes = 32 << 10;
  static constexpr std::uint32_t variables = 256, value_bytes = 32 << 10;
  static constexpr std::uint32_t secrets = 32, feeds = 32, constraints = 64;
  static constexpr std::uint32_t name_bytes = 100;         // of a task: job, group and index
  static constexpr std::uint32_t job_name_bytes = 64, group_name_bytes = 30, word_bytes = 64;
  static constexpr std::uint32_t path_bytes = 1'024, artifacts = 32, folders = 32, devices = 16;
  static constexpr std::uint32_t values = 64, tolerations = 32;      // of a constraint; of a group
  static constexpr std::uint32_t document_bytes = 64 << 10;  // of one task
  static constexpr std::uint32_t job_bytes = 1 << 20;
  static constexpr std::uint32_t groups = 64, count = 10'000;
  static constexpr base::Duration time_most = std::chrono::days(366), grace_most = std::chrono::minutes(10);
  // A node ends a task that may be replaced so long before its lease does.
  static constexpr base::Duration lease_margin = std::chrono::seconds(10);
  // A task that the nodes of a site may move must end within this.
  static constexpr base::Duration site_grace = std::chrono::milliseconds(500);
  static constexpr std::int64_t drift = 1'000;             // clocks that lease by: one part in so many
};

enum class TaskKind : std::uint8_t { process, container, model };
enum class TaskMode : std::uint8_t {
  service,                                 // runs until it is not wished for any more
  job,                                     // runs to its end, once (again after a failure: `retries`)
  cron,                                    // a job at each time of `schedule`
};

// An artifact of the fleet that a task needs. It is fetched, verified and unpacked before the task starts.
struct TaskArtifact {
  std::string name;
  std::uint64_t version = 0;
  std::optional<Sha256> digest;
  std::string path;                        // below the task's folder; "": its top
  friend bool operator==(const TaskArtifact&, const TaskArtifact&) = default;
};

struct TaskRestart {
  base::Duration backoff_first = std::chrono::seconds(1), backoff_most = std::chrono::minutes(5);
  base::Duration steady = std::chrono::seconds(60);        // ran so long: the back-off begins anew
  std::uint32_t attempts = 0;              // in a row without becoming steady, then it rests as failed; 0: for ever
  friend bool operator==(const TaskRestart&, const TaskRestart&) = default;
};

struct TaskHealth {
  std::vector<std::string> command;        // exit status 0: healthy
  std::string http;                        // "http://127.0.0.1:8081/healthz": any 2xx
  base::Duration every = std::chrono::seconds(10), timeout = std::chrono::seconds(2);
  base::Duration grace = std::chrono::seconds(10);         // after the start failures do not count
  std::uint32_t failures = 3;              // in a row: it is restarted
  friend bool operator==(const TaskHealth&, const TaskHealth&) = default;
  bool wanted() const { return !command.empty() || !http.empty(); }
};

struct TaskSandbox {
  enum class Network : std::uint8_t { none, host } network = Network::none;
  std::vector<std::string> read_only, writable;            // folders of the machine it may see, absolute
  std::vector<std::string> devices;                        // "/dev/video0"
  std::uint32_t processes = 64;
  std::int64_t tmp = std::int64_t{64} << 20;               // bytes of its private /tmp
  friend bool operator==(const TaskSandbox&, const TaskSandbox&) = default;
};

// What a node without the cloud does with a task, and the cloud with a task of a node that is silent.
struct TaskDisconnect {
  enum class Policy : std::uint8_t {
    keep,                                  // goes on; never replaced while the node may live
    replace,                               // after `after` without the cloud the node stops it, and later the cloud replaces it
    stop,                                  // after `after` the node stops it; nothing replaces it
    site,                                  // goes on; the nodes of its site move it among themselves when one is lost
  } policy = Policy::keep;
  base::Duration after = std::chrono::minutes(5);
  friend bool operator==(const TaskDisconnect&, const TaskDisconnect&) = default;
};

// A reading or message that goes to the task's stdin, and how.
struct TaskFeed {
  std::string series, topic;               // MQTT filters; one of them
  friend bool operator==(const TaskFeed&, const TaskFeed&) = default;
};

struct Task {
  std::string name;                        // "thermo.convert.0"
  std::uint64_t generation = 0;            // of its job; a new one is another task to run
  TaskKind kind = TaskKind::process;
  TaskMode mode = TaskMode::service;
  std::vector<TaskArtifact> artifacts;
  std::vector<std::string> command;        // of process: the first is a path below the folder or of the machine; of container: arguments
  std::string image;                       // of container: the name of the artifact with the OCI image
  std::string model;                       // of model: that answers
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> secrets;              // name -> name of a secret of the node; handed over as descriptors
  Resources resources;
  AcceleratorAsk accelerators;
  std::vector<TaskFeed> feeds;             // lines of JSON on stdin
  std::string output;                      // prefix of series that lines of stdout become; "": lines are log
  std::string schedule;                    // of cron, five fields, UTC
  std::uint32_t retries = 0;               // of job
  base::Duration time_limit{};             // of job and cron; zero: none
  base::Duration stop_grace = std::chrono::seconds(10);    // between SIGTERM and SIGKILL
  std::int64_t log = std::int64_t{1} << 20;                // bytes of its output that are kept
  TaskRestart restart;
  TaskHealth health;
  TaskSandbox sandbox;
  TaskDisconnect disconnect;

  friend bool operator==(const Task&, const Task&) = default;
};

// How a member of a job may be placed.
struct Constraint {
  std::string label;                       // of nodes: "site", "arch", "zone", or their own
  enum class Is : std::uint8_t { equal, not_equal, one_of, none_of, exists, absent, at_least, at_most } is = Is::equal;
  std::vector<std::string> values;
  std::int32_t weight = 0;                 // 0: must hold; else wished for (negative: shunned) with this weight
  friend bool operator==(const Constraint&, const Constraint&) = default;
};

struct TaskGroup {
  std::string name;
  std::uint32_t count = 1;
  Task task;                               // of each member; name and generation are set when it is placed
  std::int32_t priority = 50;              // 0 to 100; more may displace less
  std::vector<Constraint> constraints;
  std::vector<std::string> tolerations;    // taints of nodes that do not matter
  std::string spread;                      // label over whose values members are spread; "node": one a node if it can be
  bool gang = false;                       // all at once or none
  double energy_weight = 0, latency_limit_ms = 0;          // 0: does not matter
  std::string near;                        // site that the latency limit is to
  friend bool operator==(const TaskGroup&, const TaskGroup&) = default;
};

struct JobUpdate {                         // a rolling change
  std::uint32_t parallel = 1;              // members at once
  base::Duration healthy = std::chrono::seconds(10);       // so long well, and the next may go
  base::Duration deadline = std::chrono::minutes(10);      // not well by then: it failed
  bool roll_back = true;                   // to the last generation that was well
  friend bool operator==(const JobUpdate&, const JobUpdate&) = default;
};

struct Job {
  std::string name;
  std::string tenant = "default";
  std::uint64_t generation = 0;
  std::vector<TaskGroup> groups;
  JobUpdate update;
  std::optional<base::Time> deadline;      // of jobs that end
  friend bool operator==(const Job&, const Job&) = default;
};

// What a node says of a task.
enum class TaskState : std::uint8_t {
  waiting,                                 // for an artifact, room, its schedule, the end of a back-off
  starting, running, stopping,
  done,                                    // a job that ended well
  failed,                                  // gave up
  stopped,                                 // by wish, or by its disconnect policy
};

struct TaskStatus {
  TaskState state = TaskState::waiting;
  std::string reason;                      // in words
  std::uint64_t generation = 0;
  std::uint64_t run = 0;                   // which start it is, from 1
  std::uint32_t restarts = 0;              // since its wish
  std::optional<std::int32_t> exit;        // of the last run: status, or minus the signal
  std::optional<bool> healthy;             // where health is asked for
  base::Time since{};                      // in this state
  std::string limits;                      // which hold: "sandbox: bubblewrap; cpu, memory, pids: cgroup v1"
  friend bool operator==(const TaskStatus&, const TaskStatus&) = default;
};

}  // namespace selvedge::model
