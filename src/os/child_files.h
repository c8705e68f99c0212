// What a child leaves in the file system, and the descriptors it begins with.
//
// In the folder `run`: "in", "out", "error" (named pipes), "record" (who it is), "status" (how its sandbox says
// it ended) and "exit" (how we say it ended). Calls block: for a pool thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "os/child.h"
#include "os/fd.h"

namespace selvedge::os {

// Our ends do not block, the child's do. Of a named pipe the child holds both ends: while we are away it
// waits for room, where it would else be ended by SIGPIPE.
struct ChildPipes {
  Fd in, out, error;                       // ours
  Fd child_in, child_out, child_error;
};
base::Result<ChildPipes> make_pipes(const ChildOptions& options);
// Ours alone, of a child that has been started. Of one that is gone `in` is not open.
base::Result<ChildPipes> open_pipes(const std::string& run);

// A descriptor with these contents, which nobody can change.
base::Result<Fd> sealed(std::string_view name, std::string_view contents);

// Of this start of the machine, this process. Another that gets the same id started at another time.
struct ChildRecord {
  int process = 0;
  std::uint64_t started = 0;               // clock ticks since the boot
};
// Makes the folder and in it the file to which the child appends its line, after the name of this boot.
// Code::conflict if there is one already: a child began there.
base::Result<Fd> begin_record(const std::string& run);
// Who began there; process 0: nobody, or on an earlier boot. Code::not_found: nothing began there.
base::Result<ChildRecord> read_record(const std::string& run);
// A handle of that process, if it still runs.
Fd open_process(const ChildRecord& record);
// What /proc says of a process; process 0 if it is not there.
struct ProcessLine {
  int process = 0, parent = 0, group = 0;
  std::uint64_t started = 0;
  char state = '?';                        // 'Z': ended, and not reaped
};
ProcessLine process_line(int process);
// Whether any process of the group has not ended.
bool group_lives(int group);
// Of a line of /proc/<id>/stat.
ProcessLine parse_process_line(std::string_view line);

// "exit", whole or not at all.
base::Result<void> write_exit(const std::string& run, const ChildExit& exit);
std::optional<ChildExit> read_exit(const std::string& run);

std::string read_small(const std::string& path);           // at most 64 KiB of it; "" if it is not there
std::string read_small(int fd);                            // from its beginning

// Removes the files above and the folder, if nothing else is in it.
void remove_run(const std::string& run);

}  // namespace selvedge::os
