// Process: what a daemon asks of its own process: memory, descriptors, and its supervisor's ear.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace selvedge::os {

struct ProcessMemory {
  std::uint64_t resident_bytes = 0;
  std::uint64_t proportional_bytes = 0;  // shared pages counted by share
};
base::Result<ProcessMemory> process_memory();
// Resident bytes alone, asked for in microseconds; 0 where the system does not say.
std::uint64_t resident_memory();

// What this machine is, as uname(2) has it.
struct Machine {
  std::string arch, os, kernel;          // "x86_64", "linux", "6.1.0"
  std::string boot;                      // of this start of the machine; "" where that is not known
  std::int64_t cpu = 0;                  // thousandths of a core that we may use; 0: unknown
  std::int64_t memory = 0;               // bytes; 0: unknown
};
Machine machine();

// For main(), before other threads start: one heap arena, so that the pool's threads do not keep free
// memory of their own. With a model that is 2 to 6 MiB; small blocks come from each thread's cache.
void keep_heap_compact();
// Gives free heap pages back to the system: after a burst, when there is time; takes milliseconds.
void release_free_memory();

// Raises the limit of open files to what the system allows; says which that is.
base::Result<std::uint64_t> raise_open_files_limit();

// Takes a directory for this process alone, by a lock on the file "lock" in it; the directory is made
// if it is not there. Code::conflict names the process that has it. The lock ends with the process.
base::Result<void> claim_directory(const std::string& path);

// Says "READY=1", "STOPPING=1" and the like to a supervisor that listens on $NOTIFY_SOCKET
// (sd_notify(3)). Does nothing without one.
base::Result<void> notify_supervisor(std::string_view state);

}  // namespace selvedge::os
