// JobBook::State: what the book's .cc files share. Private to this folder.
//   job_book.cc     inputs, and what becomes due
//   job_members.cc  where members are: asked for, wished, leaving, lost
//   job_sites.cc    members that the nodes of a site moved
//   job_rollout.cc  which member may change next, and when a change has failed
//   job_views.cc    what can be seen

#pragma once

#include <algorithm>
#include <set>

#include "engine/jobs/job_book.h"

namespace selvedge::engine {

// How long a silent node goes on with a task: until its policy stops it, or for ever.
struct Patience {
  bool for_ever = true;
  base::Duration after{};

  static Patience of(const model::TaskDisconnect& policy) {
    return {policy.policy != model::TaskDisconnect::Policy::replace, policy.after};
  }
  model::TaskDisconnect policy() const {
    model::TaskDisconnect made;
    made.policy = for_ever ? model::TaskDisconnect::Policy::keep : model::TaskDisconnect::Policy::replace;
    made.after = after;
    return made;
  }
  // Of a node that may run either.
  Patience or_else(const Patience& other) const {
    return {for_ever || other.for_ever, std::max(after, other.after)};
  }
};

struct Member {
  std::uint64_t generation = 0;                    // of the task as it was wished last
  std::string node;                                // where it is wished for; "": nowhere
  std::string leaving;                             // where it was, until that node has nothing of it
  std::string next;                                // where its room is kept while it leaves
  model::Resources resources;                      // as wished
  model::AcceleratorAsk accelerators;
  Patience wished_patience, patience;              // with what is wished; with whatever the node may run
  std::optional<model::TaskStatus> reported;       // by `node`, of this generation
  std::optional<base::Instant> well_since;
  base::Instant wished_at{};
  std::optional<base::Instant> nowhere_since;      // of a change: it is not wished for where it was, nor elsewhere yet
  std::uint64_t ask = 0;                           // under way; 0: none
  std::optional<base::Instant> ask_again;
  base::Duration pause{};                          // before the next ask
  std::string reason;                              // why it is not placed
  std::string not_on;
  bool of_site = false;                            // its site may move it
  std::string seen_on;                             // where it was said to run last, without a wish
  std::set<std::string> behind;                    // may run it or have the wish, and did not say that it has gone
  bool moving = false;                             // stays where it is until there is a place elsewhere
  bool holds = false;                              // room on `node`, or on `leaving`
  bool finished = false;                           // it ends, and has
};

// What is due is looked at so often at most: looking at a job costs as much as it has members.
constexpr base::Duration wake_step = std::chrono::milliseconds(100);

struct JobEntry {
  JobRecord record;
  std::map<std::pair<std::string, std::uint32_t>, Member> members;
  bool to_fit = true;                              // perhaps some are missing, or not wanted
  std::optional<base::Instant> wake;
};

struct NodeEntry {
  NodeChanged::Now state = NodeChanged::Now::connected;
  base::Instant silent_since{};
  std::set<MemberKey> members;                     // wished for here, or leaving from here
  std::optional<base::Instant> wake;
};

// How many members are to be there.
inline std::uint32_t wanted_count(const JobRecord& record) {
  std::uint32_t members = 0;
  for (const model::TaskGroup& group : record.now.job.groups) members += group.count;
  return record.stopped ? 0 : members;
}

inline const model::TaskGroup* find_group(const model::Job& job, std::string_view name) {
  const auto at = std::ranges::find(job.groups, name, &model::TaskGroup::name);
  return at == job.groups.end() ? nullptr : &*at;
}

inline MemberKey key_of(const JobEntry& job, const std::pair<std::string, std::uint32_t>& at) {
  return {job.record.now.job.name, at.first, at.second};
}

// The generation that new members of a group get.
inline std::uint64_t newest(const JobEntry& job, const std::string& group) {
  return *job.record.now.generations.at(group).rbegin();
}

struct JobBook::State {
  // ---- job_members.cc ----
  static bool wanted(const JobEntry& job, const MemberKey& key);
  Member* find(const MemberKey& key);
  void found(const WishFound& wish, base::Instant now, JobOutputs& out);
  void found(const LeavingFound& leaving);
  void ask_what_waits(JobEntry& job, base::Instant now, JobOutputs& out);
  void ask(JobEntry& job, const model::TaskGroup& group, std::vector<MemberKey> members, JobOutputs& out);
  void placed(const MemberPlaced& placed, base::Instant now, JobOutputs& out);
  void not_placed(const MemberNotPlaced& refused, base::Instant now);
  void wish(JobEntry& job, const MemberKey& key, Member& member, const std::string& node, base::Instant now,
            JobOutputs& out);
  void leave(const MemberKey& key, Member& member, JobOutputs& out);
  void left(JobEntry& job, const MemberKey& key, Member& member, base::Instant now, JobOutputs& out);
  void reported(const TaskReported& report, base::Instant now, JobOutputs& out);
  void node_changed(const NodeChanged& changed, base::Instant now);
  // When a member may run elsewhere although its node says nothing; nothing: never.
  std::optional<base::Instant> replaced_at(const MemberKey& key, const NodeEntry& node);
  void settle_node(NodeEntry& node, const std::string& name, base::Instant now, JobOutputs& out);
  static void free_room(const MemberKey& key, Member& member, const std::string& node, JobOutputs& out);

  // ---- job_sites.cc ----
  // What a node says on which it is not wished for.
  void seen_elsewhere(JobEntry& job, const MemberKey& key, Member& member, const TaskReported& report, base::Instant now,
                      JobOutputs& out);
  // The wish goes to where it runs, if it does not run where that is.
  bool follow(JobEntry& job, const MemberKey& key, Member& member, base::Instant now, JobOutputs& out);

  // ---- job_rollout.cc ----
  base::Result<void> wished(const model::Job& job, JobOutputs& out);
  void take(JobEntry& entry, model::Job job);
  void settle_job(JobEntry& job, base::Instant now, JobOutputs& out);
  void judge(JobEntry& job, base::Instant now, JobOutputs& out);
  void fit_members(JobEntry& job, JobOutputs& out);
  void change_members(JobEntry& job, base::Instant now, JobOutputs& out);
  void give_up(JobEntry& job, const std::string& reason, JobOutputs& out);

  // ---- job_views.cc ----
  MemberStatus status_of(const MemberKey& key, const Member& member) const;

  // ---- job_book.cc ----
  void touch_job(const std::string& job) { dirty_jobs.insert(job); }
  void touch_node(const std::string& node) { dirty_nodes.insert(node); }
  void wake_no_later(JobEntry& job, base::Instant at) {
    if (!job.wake || at < *job.wake) set_wake(job, job.record.now.job.name, at, job_wakes);
  }
  template <typename Entry>
  void set_wake(Entry& entry, const std::string& name, std::optional<base::Instant> at,
                std::set<std::pair<base::Instant, std::string>>& wakes) {
    if (entry.wake == at) return;
    if (entry.wake) wakes.erase({*entry.wake, name});
    entry.wake = at;
    if (at) wakes.insert({*at, name});
  }

  JobLimits limits;
  std::map<std::string, JobEntry, std::less<>> jobs;
  std::map<std::string, NodeEntry, std::less<>> nodes;
  std::set<std::string> dirty_jobs, dirty_nodes;
  std::set<std::string> waiting_jobs;              // some of their members were told that there is no room
  std::set<std::pair<base::Instant, std::string>> job_wakes, node_wakes;
  std::uint64_t next_ask = 1;
  std::size_t member_count = 0;                    // of all jobs, as they are to be
  bool begun = false;
};

}  // namespace selvedge::engine
