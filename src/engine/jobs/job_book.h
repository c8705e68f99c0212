// JobBook: which tasks the fleet should run: jobs, their members, and the way from one generation of a job to the
// next. The cloud's half of what engine/task does on a node.
//
// A job's members become tasks on nodes: the book asks for a place for each, is told of one, and says what to wish
// in which node's twin. What it knows of running tasks are the nodes' reports. Nothing is in it that is not either a
// job record (save), a wish in some twin, or a withdrawn wish whose end was not heard: the host keeps the three, and
// after a restart it is told of them, and goes on.
//
// A change is a new generation. Members whose task did not change are left alone, the others are replaced
// `update.parallel` at a time; the next goes when one has been well for `update.healthy`. If one fails, or is not well
// by `update.deadline`, the job returns to the content that was well last, as a generation of its own, so that the
// newest generation is always the one to run. So it does too if one of the new generation finds no place for so long.
//
// A member is wished for on one node at a time. Where it moves, the new wish waits until the old node says that the
// task has gone, or until its disconnect policy says that it must have: with `replace` after `after` and
// `silence_margin` of silence, in which the node has stopped it by its own clock; else never.
//
// With the policy `site` the nodes of a site move a member among themselves (docs/spec/site.md). A node that says it runs
// one that is wished for elsewhere, where it does not run, has it: the wish follows, and nothing is started again. Whoever
// may have taken it over or had the wish must have said that it has gone before it is wished for anew.
//
// step(input, now) for each input of a turn, then settle(now) -> outputs: decisions that need a look at the whole job
// are made once a turn. No clock, no I/O, no randomness. Memory: JobLimits. Belongs to one thread.

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/task.h"

namespace selvedge::engine {

struct JobLimits {
  std::uint32_t jobs = 10'000;
  std::uint32_t members = 1'000'000;
  base::Duration silence_margin = std::chrono::seconds(30);
  base::Duration place_again_first = std::chrono::seconds(1), place_again_most = std::chrono::minutes(1);
};

struct MemberKey {
  std::string job, group;
  std::uint32_t index = 0;
  friend auto operator<=>(const MemberKey&, const MemberKey&) = default;
};
// "<job>.<group>.<index>", and back. Neither part has a dot. Nothing for another text.
std::string task_name(const MemberKey& member);
std::optional<MemberKey> member_of(std::string_view task_name);

// A job as it was in some generation, and of each group the generations in which its task was the very same: a
// member of any of them is as it should be. The newest of them is the one that new members get.
struct JobContent {
  static constexpr std::size_t most_generations = 16;   // of one group; the newest are kept

  model::Job job;
  std::map<std::string, std::set<std::uint64_t>> generations;
  friend bool operator==(const JobContent&, const JobContent&) = default;
};

// What must outlive a restart of one job.
struct JobRecord {
  JobContent now;                                  // as it is to be; its generation is the newest
  std::optional<JobContent> good;                  // that was well last
  enum class Rollout : std::uint8_t { well, under_way, failed } rollout = Rollout::under_way;
  bool rolled_back = false;                        // `now` is the content of an earlier one
  bool stopped = false;                            // nothing of it is to run
  // Members of jobs that end, which have, and whose node is not there any more to say so.
  std::map<std::string, std::set<std::uint32_t>> finished;
  std::string reason;                              // why it failed or went back
  friend bool operator==(const JobRecord&, const JobRecord&) = default;
};

// ---- inputs ----

struct JobWished {                                 // new or changed; its generation is given by the book
  model::Job job;
};
struct JobStopped {
  std::string job;
};
struct JobForgotten {                              // of a stopped job without tasks: it is gone
  std::string job;
};
struct MemberPlaced {
  MemberKey member;
  std::uint64_t ask = 0;                           // as in AskPlace; others are ignored
  std::string node;
};
struct MemberNotPlaced {
  MemberKey member;
  std::uint64_t ask = 0;
  std::string reason;
};
// There may be room again for what was not placed.
struct RoomAppeared {};
// Its room is needed for a member of higher priority: it goes, and is placed anew.
struct MemberDisplaced {
  MemberKey member;
  std::string reason;
};
struct NodeChanged {
  std::string node;
  enum class Now : std::uint8_t {
    connected,
    silent,                                        // not heard of
    draining,                                      // connected, and to be emptied
    gone,                                          // will never run anything again: said by an operator
  } state = Now::connected;
};
// The newest of what a node says of a task. None: having heard of the last wish, the node has no such task (any
// more), so that what was withdrawn from it may run elsewhere.
struct TaskReported {
  std::string node, task;
  std::optional<model::TaskStatus> status;
};
// At the start, before JobsBegin: the records, then the wishes that stand in twins and those that were withdrawn, then
// what nodes say. Of a member that is found in more than one place the first counts: the newest comes first.
struct JobRestored {
  JobRecord record;
};
struct WishFound {
  std::string node;
  model::Task task;
};
// A wish was withdrawn, and its node has not said that the task has gone.
struct LeavingFound {
  std::string node;
  MemberKey member;
  model::TaskDisconnect disconnect;                // as in WishTask
};
struct JobsBegin {};

using JobInput = std::variant<JobWished, JobStopped, JobForgotten, MemberPlaced, MemberNotPlaced, RoomAppeared,
                              MemberDisplaced, NodeChanged, TaskReported, JobRestored, WishFound, LeavingFound, JobsBegin>;

// ---- outputs ----

// Where are these to run? All of a gang in one; answered for each member.
struct AskPlace {
  std::uint64_t ask = 0;
  std::vector<MemberKey> members;
  model::TaskGroup group;
  std::string tenant;
  std::string not_on;                              // a node that is being emptied or lost; "": none
};
// Its room on the node is free.
struct ReleasePlace {
  MemberKey member;
  std::string node;
};
struct WishTask {
  std::string node, name;
  std::optional<model::Task> task;                 // none: the wish goes
  // Of one that goes: how long the node may go on with it if it does not hear of that. Keep: for ever.
  model::TaskDisconnect disconnect;
};
// Its room on a node where it runs already.
struct HoldPlace {
  MemberKey member;
  std::string node, tenant;
  model::TaskGroup group;
};
struct JobOutputs {
  std::vector<std::string> save;                   // records that changed: record() or, if there is none, erase it
  std::vector<ReleasePlace> released;
  std::vector<HoldPlace> held;                     // after the releases
  std::vector<WishTask> wishes;                    // in this order, after what is saved
  std::vector<AskPlace> asks;                      // after the releases

  void clear();
};

// ---- what can be seen ----

enum class MemberState : std::uint8_t { unplaced, placed, running, done, failed, leaving, lost };
std::string_view name(MemberState state);

struct MemberStatus {
  MemberKey member;
  MemberState state = MemberState::unplaced;
  std::string node;                                // where it is wished for, or about to leave
  std::uint64_t generation = 0;
  std::string reason;                              // why not placed, or what its node says
  std::optional<model::TaskStatus> reported;
};
struct JobStatus {
  JobRecord record;
  std::uint32_t wanted = 0, running = 0, done = 0, failed = 0, unplaced = 0;
};

class JobBook {
 public:
  explicit JobBook(JobLimits limits);
  ~JobBook();
  JobBook(JobBook&&) noexcept;
  JobBook& operator=(JobBook&&) noexcept;

  // Adds to `out`. Code::invalid_input (what job), not_found, conflict (JobForgotten of one that runs), exhausted
  // (limits): nothing has changed then.
  base::Result<void> step(const JobInput& input, base::Instant now, JobOutputs& out);
  // After the inputs of a turn, and at or after wake_at().
  void settle(base::Instant now, JobOutputs& out);
  std::optional<base::Instant> wake_at() const;

  std::vector<std::string> jobs() const;
  const JobRecord* record(std::string_view job) const;
  std::optional<JobStatus> status(std::string_view job) const;
  std::vector<MemberStatus> members(std::string_view job) const;
  std::optional<MemberStatus> member(const MemberKey& member) const;
  // Whether the member is to hold room on this node.
  bool holds(const MemberKey& member, std::string_view node) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::engine
