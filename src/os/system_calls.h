// The system calls that a sandboxed child may not make, as a filter for the kernel (seccomp, classic BPF).
//
// A list of what is refused rather than of what is allowed: programs, their runtimes and the C library use new
// calls every year, and would break on a node that nobody looks at. What is refused reaches beyond the process:
// mounts, namespaces, other processes' memory, modules, keys, clocks, io_uring, rare socket families. A call
// made as another architecture's ends the process. For x86_64 and aarch64.

#pragma once

#include <linux/filter.h>

#include <vector>

namespace selvedge::os {

// Empty on other architectures.
std::vector<sock_filter> system_call_filter();

}  // namespace selvedge::os
