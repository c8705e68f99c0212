// ControlGroups: what the kernel lets us hold children to: memory, cpu time, processes, and their end as one.
//
// Version 2, version 1, or both beside each other, as a machine has them; groups are made below our own. A
// controller that is not there, or not ours to use, leaves its limit to others: held() says which hold.
// Calls block for a millisecond or less: for a pool thread.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/child.h"
#include "os/fd.h"

namespace selvedge::os {

// A tree of groups, and where we are in it.
struct GroupTree {
  std::string path;                        // of our own group, in the file system
  bool second = false;                     // version 2
  bool memory = false, cpu = false, account = false, processes = false;
};

class ControlGroup {
 public:
  ControlGroup() = default;                // none: everything does nothing, empty() holds

  bool exists() const { return !places_.empty(); }
  // Which limits hold: "cpu, memory, processes: cgroup v1"; "" if none.
  const std::string& held() const { return held_; }
  bool holds_memory() const { return memory_; }
  bool holds_processes() const { return processes_; }

  // Open files to which a process writes "0" to be in the group.
  base::Result<std::vector<Fd>> doors() const;
  // Sends SIGKILL to all that is in it, and lets it start nothing more.
  void kill() const;
  bool empty() const;
  ChildUsage usage() const;
  std::uint64_t out_of_memory() const;     // so many of its processes were killed for the memory's sake
  // Code::unavailable while something is in it.
  base::Result<void> remove() const;

 private:
  friend class ControlGroups;
  struct Place {
    std::string path;
    GroupTree tree;
  };
  void limit(const Place& place, const ChildLimits& limits);

  std::vector<Place> places_;
  std::string held_;
  bool memory_ = false, processes_ = false;
};

class ControlGroups {
 public:
  ControlGroups() = default;
  explicit ControlGroups(std::vector<GroupTree> trees) : trees_(std::move(trees)) {}
  // Those of this process.
  static ControlGroups here();

  // `name` has one or two parts of letters, digits, '.', '-' and '_'. One that is there already is taken as it is, but
  // may start processes again.
  base::Result<ControlGroup> make(std::string_view name, const ChildLimits& limits) const;
  ControlGroup find(std::string_view name, const ChildLimits& limits) const;
  // The names of what is below the group of this name.
  std::vector<std::string> below(std::string_view name) const;

 private:
  ControlGroup named(std::string_view name) const;
  std::vector<GroupTree> trees_;
};

// Ends all that runs in the groups below `name`, but for those `kept`, and removes them; says which. Waits for what
// is slow to die, for a second at most.
std::vector<std::string> end_groups(const ControlGroups& groups, std::string_view name, std::span<const std::string> kept);

// From the text of /proc/self/mountinfo and /proc/self/cgroup.
std::vector<GroupTree> group_trees(std::string_view mounts, std::string_view groups);

}  // namespace selvedge::os
