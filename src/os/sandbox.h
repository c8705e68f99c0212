// Sandbox: what stands between a child and the machine, as far as this machine can do it.
//
// With bubblewrap (bwrap(1)) a child has namespaces of its own and sees a root made for it; without, it sees the
// file system as its user does. In both it has no capabilities, can gain no privileges, and a filter of system
// calls. docs/reference/sandbox.md says what that comes to. Calls block: for a pool thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/child.h"

namespace selvedge::os {

// What this machine lets us do; looking takes some milliseconds.
struct SandboxTools {
  enum class Kind : std::uint8_t {
    none,                                  // why_not says why
    as_root,                               // we are root: bubblewrap mounts, setpriv(1) then changes the user
    as_user,                               // in a user namespace: the child's user is ours
  } kind = Kind::none;
  std::string why_not;
};
SandboxTools look_for_sandbox();

// Descriptors that bubblewrap is given, by the number that they have for it.
struct SandboxDescriptors {
  int filter = -1, status = -1, info = -1, users = -1, groups = -1;
};

// Checked and made plain: absolute, without links, none that reaches what is hidden. Errors name the path.
base::Result<ChildSandbox> checked(const ChildSandbox& sandbox, const std::string& folder);

// The groups that may use its devices where not everybody may, and that are not root's.
std::vector<std::uint32_t> device_groups(const ChildSandbox& sandbox);

// "bwrap" and its arguments, up to the program's own. `environment` as "NAME=value".
std::vector<std::string> sandboxed(SandboxTools::Kind kind, const ChildSandbox& sandbox, const ChildOptions& options,
                                   const std::string& program, const std::vector<std::string>& environment,
                                   const SandboxDescriptors& descriptors);
extern const char* const bubblewrap_path;
// How what it writes to standard error begins if it could not make the sandbox, or not run the program in it.
constexpr std::string_view sandbox_error = "bwrap: ", sandbox_error_of_program = "/usr/bin/env: ";

// How it ended, from what bubblewrap wrote: the program's exit status, or none if it never ran.
std::optional<int> sandbox_exit(std::string_view status);
// The id, outside, of the sandbox's first process; 0 if it does not say.
int sandbox_first_process(std::string_view status);

}  // namespace selvedge::os
