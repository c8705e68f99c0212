#include "os/child_start.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "os/launch.h"
#include "os/system_calls.h"

namespace selvedge::os {
namespace {

constexpr std::uint32_t nobody = 65534;
constexpr std::int64_t least_address_space = std::int64_t{64} << 20;   // a program and its libraries, before it does anything
constexpr std::uint32_t most_entries = 200'000;

bool is_root() { return ::geteuid() == 0; }

base::Result<void> check_name(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (!name.empty() && letter(name.front()) && std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); }))
    return {};
  return base::fail(base::Code::invalid_input, "environment: \"" + std::string(name.substr(0, 64)) + "\" is no name of a variable");
}

base::Result<std::string> program_path(const ChildOptions& options) {
  const std::string path = options.program.starts_with('/') ? options.program : options.folder + "/" + options.program;
  const std::string step = "start " + path;
  struct stat found {};
  if (path.contains('=') || path.contains('\0'))
    return base::fail(base::Code::invalid_input, step + ": '=' cannot be in its name");
  if (::stat(path.c_str(), &found) != 0) return std::unexpected(base::system_error(step, errno));
  if (!S_ISREG(found.st_mode)) return base::fail(base::Code::invalid_input, step + ": it is no file");
  if (::access(path.c_str(), X_OK) != 0) return std::unexpected(base::system_error(step, errno));
  return path;
}

// As root makes it, a sandbox has a way to its folder; else every folder above must let its user through.
base::Result<void> check_way(const std::string& folder, bool own_root) {
  for (std::size_t slash = folder.find('/', 1); slash != std::string::npos; slash = folder.find('/', slash + 1)) {
    const std::string above = folder.substr(0, slash);
    struct stat found {};
    if (::stat(above.c_str(), &found) != 0) return std::unexpected(base::system_error("look at " + above, errno));
    if ((found.st_mode & S_IXOTH) != 0) continue;
    return base::fail(base::Code::denied, "start in " + folder + ": its user cannot pass " + above + " (chmod o+x" +
                                              (own_root ? ")" : ", or install bubblewrap)"));
  }
  return {};
}

struct Environment {
  std::vector<std::string> variables;
  std::vector<Fd> secrets;                 // become 3, 4 and so on
};

base::Result<Environment> environment_of(const ChildOptions& options) {
  Environment made;
  if (options.secrets.size() > ChildOptions::most_secrets)
    return base::fail(base::Code::exhausted, "hand over secrets: more than " + std::to_string(ChildOptions::most_secrets));
  for (const auto& [name, value] : options.environment) {
    TRY(check_name(name));
    if (value.contains('\0')) return base::fail(base::Code::invalid_input, "environment: " + name + " has a zero byte");
    if (!options.secrets.contains(name)) made.variables.push_back(name + "=" + value);
  }
  for (const auto& [name, contents] : options.secrets) {
    TRY(check_name(name));
    if (contents.size() > ChildOptions::most_secret)
      return base::fail(base::Code::exhausted, "hand over secret " + name + ": it is too long");
    made.variables.push_back(name + "=/dev/fd/" + std::to_string(3 + made.secrets.size()));
    made.secrets.push_back(TRY(sealed(name, contents)));
  }
  return made;
}

// Limits that a process has by itself, where no group holds them better.
struct OwnLimits {
  std::vector<std::pair<int, rlim_t>> limits;
  std::string text;
};

OwnLimits own_limits(const ChildOptions& options, const ControlGroup& group) {
  OwnLimits own;
  const ChildLimits& asked = options.limits;
  const auto say = [&](std::string_view what) { own.text += "; " + std::string(what); };
  own.limits.emplace_back(RLIMIT_CORE, 0);
  if (asked.files > 0) own.limits.emplace_back(RLIMIT_NOFILE, asked.files);
  if (asked.disk > 0) {
    own.limits.emplace_back(RLIMIT_FSIZE, static_cast<rlim_t>(asked.disk));
    say("disk: of a file, and looked at");
  }
  if (asked.memory > 0 && !group.holds_memory()) {
    own.limits.emplace_back(RLIMIT_AS, static_cast<rlim_t>(std::max(asked.memory, least_address_space)));
    say("memory: address space of each process");
  }
  // Counts all processes of the user: of use where the child has one of its own.
  if (asked.processes > 0 && !group.holds_processes() && is_root() && options.user != 0) {
    own.limits.emplace_back(RLIMIT_NPROC, asked.processes + 1);
    say("processes: of its user");
  }
  return own;
}

std::string sandbox_text(const SandboxTools& tools, bool asked) {
  switch (tools.kind) {
    case SandboxTools::Kind::as_root: return "sandbox: bubblewrap";
    case SandboxTools::Kind::as_user: return "sandbox: bubblewrap, in a user namespace";
    case SandboxTools::Kind::none: break;
  }
  return asked ? "sandbox: system calls only (" + tools.why_not + ")" : "sandbox: none";
}

// What bubblewrap reads and writes beside the child's own descriptors.
struct SandboxFiles {
  Fd filter, users, groups, info, childs_info, status, childs_status;
};

base::Result<SandboxFiles> sandbox_files(const ChildOptions& options) {
  SandboxFiles files;
  const std::vector<sock_filter> filter = system_call_filter();
  if (!filter.empty())
    files.filter = TRY(sealed("filter", {reinterpret_cast<const char*>(filter.data()), filter.size() * sizeof(sock_filter)}));
  const std::string user = std::to_string(options.user != 0 ? options.user : ::geteuid());
  files.users = TRY(sealed("passwd", "task:x:" + user + ":" + user + "::/tmp:/bin/sh\n"));
  files.groups = TRY(sealed("group", "task:x:" + user + ":\n"));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(base::system_error("make pipe", errno));
  files.info.reset(ends[0]);
  const Fd writing(ends[1]);
  // It reads, too: if we end before bubblewrap has said it all, that must not end it.
  const std::string pipe = "/proc/self/fd/" + std::to_string(ends[1]);
  files.childs_info.reset(::open(pipe.c_str(), O_RDWR | O_CLOEXEC));
  if (!files.childs_info) return std::unexpected(base::system_error("open " + pipe, errno));
  ::fcntl(files.info.value(), F_SETFL, O_NONBLOCK);
  if (options.run.empty()) {
    files.status.reset(::memfd_create("status", MFD_CLOEXEC));
    if (files.status) files.childs_status.reset(::fcntl(files.status.value(), F_DUPFD_CLOEXEC, 0));
  } else {
    const std::string path = options.run + "/status";
    files.childs_status.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  }
  if (!files.childs_status) return std::unexpected(base::system_error("keep the sandbox's status", errno));
  return files;
}

}  // namespace

const SandboxTools& ChildMachine::tools() {
  std::call_once(tools_once_, [this] { tools_ = known_ ? *known_ : look_for_sandbox(); });
  return tools_;
}

const ControlGroups& ChildMachine::groups() {
  std::call_once(groups_once_, [this] { groups_ = ControlGroups::here(); });
  return groups_;
}

base::Result<StartedChild> start_child(const ChildOptions& asked, ChildMachine& machine) {
  ChildOptions options = asked;
  // First: whatever fails after it may be undone in that folder, since nobody else has begun there.
  Fd record;
  if (!options.run.empty()) record = TRY(begin_record(options.run));
  if (!options.folder.starts_with('/'))
    return base::fail(base::Code::invalid_input, "start " + options.program + ": its folder is not absolute");
  // A child in a sandbox is never root.
  if (!is_root()) options.user = 0;
  else if (options.sandbox && options.user == 0) options.user = nobody;

  const bool own_root = options.sandbox && !options.sandbox->root.empty();
  const std::string program = own_root ? options.program : TRY(program_path(options));
  Environment environment = TRY(environment_of(options));
  StartedChild child;
  const bool wants_sandbox = options.sandbox.has_value();
  const SandboxTools none;
  SandboxTools tools = wants_sandbox ? machine.tools() : none;
  child.sandboxed = tools.kind != SandboxTools::Kind::none;
  // What changes the user is no program of that root: it is changed before.
  if (own_root && child.sandboxed) tools.kind = SandboxTools::Kind::as_user;
  if (wants_sandbox && !child.sandboxed && (own_root || options.sandbox->without == ChildSandbox::Without::fail))
    return base::fail(base::Code::unavailable, "start " + program + ": no sandbox on this machine: " + tools.why_not);
  if (wants_sandbox) options.sandbox = TRY(checked(*options.sandbox, options.folder));
  if (wants_sandbox && (!child.sandboxed || own_root) && options.user != 0) TRY(check_way(options.folder, own_root));
  if (own_root && options.user != 0) TRY(check_way(options.sandbox->root + "/", own_root));
  // In a user namespace that root makes, the child's files are root's.
  const std::uint32_t owner = tools.kind == SandboxTools::Kind::as_user && !own_root ? 0 : options.user;
  if (options.user != 0 && ::chown(options.folder.c_str(), owner, owner) != 0)
    return std::unexpected(base::system_error("give " + options.folder + " to the task", errno));

  if (!options.group.empty()) child.group = TRY(machine.groups().make(options.group, options.limits));
  const OwnLimits own = own_limits(options, child.group);
  child.limits = sandbox_text(tools, wants_sandbox) + (child.group.held().empty() ? "" : "; " + child.group.held()) + own.text;

  child.pipes = TRY(make_pipes(options));
  Launch what;
  what.limits = own.limits;
  what.record = record.value();
  what.descriptors = {child.pipes.child_in.value(), child.pipes.child_out.value(), child.pipes.child_error.value()};
  for (const Fd& secret : environment.secrets) what.descriptors.push_back(secret.value());
  const std::vector<Fd> doors = TRY(child.group.doors());
  for (const Fd& door : doors) what.doors.push_back(door.value());

  SandboxFiles files;
  if (child.sandboxed) {
    files = TRY(sandbox_files(options));
    SandboxDescriptors numbers;
    const auto give = [&](const Fd& file, int& number) {
      if (!file) return;
      number = static_cast<int>(what.descriptors.size());
      what.descriptors.push_back(file.value());
    };
    give(files.filter, numbers.filter);
    if (!own_root) give(files.users, numbers.users);
    if (!own_root) give(files.groups, numbers.groups);
    give(files.childs_info, numbers.info);
    give(files.childs_status, numbers.status);
    what.program = bubblewrap_path;
    if (own_root) what.user = options.user;
    if (own_root && options.user != 0) what.groups = device_groups(*options.sandbox);
    what.arguments = sandboxed(tools.kind, *options.sandbox, options, program, environment.variables, numbers);
  } else {
    what.program = program;
    what.arguments = {program};
    what.environment = environment.variables;
    what.folder = options.folder;
    what.user = options.user;
    if (wants_sandbox) what.groups = device_groups(*options.sandbox);
    what.confined = wants_sandbox;
    if (wants_sandbox) what.filter = system_call_filter();
  }
  what.arguments.insert(what.arguments.end(), options.arguments.begin(), options.arguments.end());

  auto launched = launch(what);
  if (!launched) {
    base::ignore(child.group.remove(), "the error is the launch's");
    return std::unexpected(std::move(launched).error());
  }
  child.process = launched->process;
  child.handle = std::move(launched->handle);
  child.info = std::move(files.info);
  child.status = std::move(files.status);
  for (Fd* const theirs : {&child.pipes.child_in, &child.pipes.child_out, &child.pipes.child_error}) theirs->reset();
  return child;
}

base::Result<StartedChild> adopt_child(const ChildOptions& options, ChildMachine& machine) {
  const ChildRecord record = TRY(base::while_doing("adopt " + options.program, read_record(options.run)));
  StartedChild child;
  child.adopted = true;
  child.process = record.process;
  child.handle = open_process(record);
  child.exit = read_exit(options.run);
  if (!options.group.empty()) child.group = machine.groups().find(options.group, options.limits);
  const std::string status = read_small(options.run + "/status");
  child.sandboxed = ::access((options.run + "/status").c_str(), F_OK) == 0;
  // Every process of a sandbox descends from its first, which cannot leave its process group.
  if (const int first = sandbox_first_process(status); first > 0) {
    const ProcessLine line = process_line(first);
    if (line.group == record.process) child.first = open_process({line.process, line.started});
  }
  if (auto pipes = open_pipes(options.run)) child.pipes = std::move(*pipes);
  const OwnLimits own = own_limits(options, child.group);
  child.limits = std::string(child.sandboxed ? "sandbox: bubblewrap" : options.sandbox ? "sandbox: system calls only" : "sandbox: none") +
                 (child.group.held().empty() ? "" : "; " + child.group.held()) + own.text;
  return child;
}

std::int64_t disk_used(const std::string& folder, std::int64_t limit) {
  namespace fs = std::filesystem;
  constexpr std::int64_t block = 512;
  std::int64_t used = 0;
  std::uint32_t entries = 0;
  // A folder that goes while it is read must not hide the others; one that is closed to us, or too deep, may hold anything.
  for (std::vector<std::string> folders = {folder}; !folders.empty();) {
    const std::string here = std::move(folders.back());
    folders.pop_back();
    std::error_code error;
    fs::directory_iterator at(here, error);
    if (error == std::errc::permission_denied) return limit + 1;
    for (; !error && at != fs::directory_iterator(); at.increment(error)) {
      struct stat found {};
      if (++entries > most_entries) return limit + 1;
      if (::lstat(at->path().c_str(), &found) != 0) {
        if (errno == ENAMETOOLONG || errno == EACCES) return limit + 1;
        continue;
      }
      used += found.st_blocks * block;
      if (used > limit) return used;
      if (S_ISDIR(found.st_mode)) folders.push_back(at->path().string());
    }
  }
  return used;
}

}  // namespace selvedge::os
