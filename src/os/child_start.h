// How a child begins: its pipes, group, sandbox and limits put together, and the process started; or found again.
//
// Everything here blocks for milliseconds: for a pool thread. LinuxChild has what comes of it on the loop.

#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "os/child.h"
#include "os/child_files.h"
#include "os/control_group.h"
#include "os/fd.h"
#include "os/sandbox.h"

namespace selvedge::os {

// What this machine can do, looked at once, when it is first needed.
class ChildMachine {
 public:
  ChildMachine() = default;
  explicit ChildMachine(SandboxTools tools) : known_(std::move(tools)) {}     // for tests: as if that were found
  const SandboxTools& tools();
  const ControlGroups& groups();

 private:
  std::once_flag tools_once_, groups_once_;
  std::optional<SandboxTools> known_;
  SandboxTools tools_;
  ControlGroups groups_;
};

struct StartedChild {
  ChildPipes pipes;                        // ours only
  int process = 0;
  Fd handle;                               // pidfd; not open: it is gone
  Fd first;                                // of the sandbox's first process, where it is known already
  Fd info;                                 // what bubblewrap says when the sandbox is there; not open: it says nothing
  Fd status;                               // and at the end; not open: it has none, or it is in `run`
  bool sandboxed = false;                  // by bubblewrap
  bool adopted = false;
  ControlGroup group;
  std::string limits;
  std::optional<ChildExit> exit;           // adopted, and known already
};

base::Result<StartedChild> start_child(const ChildOptions& options, ChildMachine& machine);
base::Result<StartedChild> adopt_child(const ChildOptions& options, ChildMachine& machine);

// Bytes of the files below a folder, as the disk counts them. Stops when they are more than `limit`; with more than
// 200,000 entries, or one that it cannot read, it says that they are.
std::int64_t disk_used(const std::string& folder, std::int64_t limit);

}  // namespace selvedge::os
