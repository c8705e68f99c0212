// launch(): makes a process that becomes a program, and says why not.
//
// The new process borrows our memory until it execs (CLONE_VM, CLONE_VFORK), so it costs the same however
// large we are, touches no heap, and hands back its error in place. It holds the descriptors it is given and
// no other, default signals, and a session of its own. Blocks for a millisecond: for a pool thread.

#pragma once

#include <linux/filter.h>
#include <sys/resource.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace selvedge::os {

struct Launch {
  std::string program;
  std::vector<std::string> arguments;      // its name first
  std::vector<std::string> environment;    // "NAME=value"
  std::string folder;                      // "": ours
  std::vector<int> descriptors;            // become 0, 1, 2 and so on
  std::vector<int> doors;                  // open "cgroup.procs" of the groups that it joins
  int record = -1;                         // its line of /proc/self/stat is appended there; below 0: nowhere
  std::vector<std::pair<int, rlim_t>> limits;              // RLIMIT_...; what is allowed already is never raised
  std::uint32_t user = 0;                  // and group; 0: ours
  std::vector<std::uint32_t> groups;       // more of them, if `user` says one
  bool confined = false;                   // no new privileges, ever
  std::vector<sock_filter> filter;         // of system calls, if confined
};

struct Launched {
  int process = 0;
  Fd handle;                               // a pidfd
};

base::Result<Launched> launch(const Launch& what);

}  // namespace selvedge::os
