#include "os/launch.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

namespace selvedge::os {
namespace {

constexpr std::size_t stack_bytes = 64 << 10;
constexpr int signals = 64;

// All that the new process needs, made before: it may not ask for memory. It writes `step` and `error`.
struct Plan {
  const Launch* what;
  const char* program;
  const char* folder;
  char* const* arguments;
  char* const* environment;
  int* spare;                              // one for each descriptor
  const rlimit* limits;
  sock_fprog filter;
  const char* volatile step = nullptr;
  volatile int error = 0;
};

// Between clone and exec: system calls and nothing else. The sanitisers' bookkeeping is our parent's.
#define SELVEDGE_BARE __attribute__((no_sanitize("address", "undefined", "thread")))

SELVEDGE_BARE int stop(Plan& plan, const char* step) {
  plan.error = errno;
  plan.step = step;
  ::_exit(127);
}

SELVEDGE_BARE void default_signals() {
  // The kernel's own form of sigaction: glibc's refuses two of the numbers.
  struct {
    void* handler = nullptr;
    unsigned long flags = 0;
    void* restorer = nullptr;
    std::uint64_t mask = 0;
  } action;
  for (int number = 1; number <= signals; ++number)
    ::syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask);
  const std::uint64_t none = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
}

SELVEDGE_BARE bool write_record(int record) {
  char line[1024];
  const long self = ::syscall(SYS_openat, AT_FDCWD, "/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (self < 0) return false;
  const long count = ::syscall(SYS_read, self, line, sizeof line);
  return count > 0 && ::syscall(SYS_write, record, line, count) == count;
}

SELVEDGE_BARE bool place_descriptors(const Launch& what, int* spare) {
  const int* const given = what.descriptors.data();
  const int count = static_cast<int>(what.descriptors.size());
  // First out of the way of the numbers that they are to have.
  for (int i = 0; i < count; ++i) {
    spare[i] = static_cast<int>(::syscall(SYS_fcntl, given[i], F_DUPFD_CLOEXEC, count));
    if (spare[i] < 0) return false;
  }
  for (int i = 0; i < count; ++i)
    if (::syscall(SYS_dup3, spare[i], i, 0) < 0) return false;
  // Linux before 5.9 has no such call; there what others opened without O_CLOEXEC stays open.
  return ::syscall(SYS_close_range, static_cast<unsigned>(count), ~0U, 0) == 0 || errno == ENOSYS;
}

SELVEDGE_BARE int become(void* argument) {
  Plan& plan = *static_cast<Plan*>(argument);
  const Launch& what = *plan.what;
  ::syscall(SYS_setsid);
  if (what.record >= 0 && !write_record(what.record)) return stop(plan, "write down who it is");
  const int* const doors = what.doors.data();
  for (std::size_t i = 0, count = what.doors.size(); i < count; ++i)
    if (::syscall(SYS_write, doors[i], "0", 1) != 1) return stop(plan, "join its control group");
  if (!place_descriptors(what, plan.spare)) return stop(plan, "hand over its descriptors");
  for (std::size_t i = 0, count = what.limits.size(); i < count; ++i)
    if (::syscall(SYS_prlimit64, 0, what.limits.data()[i].first, &plan.limits[i], nullptr) != 0)
      return stop(plan, "set its limits");
  if (plan.folder != nullptr && ::syscall(SYS_chdir, plan.folder) != 0) return stop(plan, "enter its folder");
  if (what.user != 0) {
    if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, what.user, what.user, what.user) != 0 ||
        ::syscall(SYS_setresuid, what.user, what.user, what.user) != 0)
      return stop(plan, "become its user");
  }
  ::syscall(SYS_umask, 022);
  default_signals();
  if (what.confined && ::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return stop(plan, "give up privileges");
  if (plan.filter.len > 0 && ::syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &plan.filter, 0, 0) != 0)
    return stop(plan, "filter its system calls");
  ::syscall(SYS_execve, plan.program, plan.arguments, plan.environment);
  return stop(plan, "");
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

std::vector<rlimit> lowered(const Launch& what) {
  std::vector<rlimit> all;
  for (const auto& [resource, most] : what.limits) {
    rlimit now{};
    ::getrlimit(static_cast<__rlimit_resource>(resource), &now);
    const rlim_t value = std::min(most, now.rlim_max);
    all.push_back({value, value});
  }
  return all;
}

}  // namespace

base::Result<Launched> launch(const Launch& what) {
  const std::vector<char*> arguments = pointers(what.arguments), environment = pointers(what.environment);
  const std::vector<rlimit> limits = lowered(what);
  std::vector<int> spare(what.descriptors.size());
  Plan plan{.what = &what,
            .program = what.program.c_str(),
            .folder = what.folder.empty() ? nullptr : what.folder.c_str(),
            .arguments = arguments.data(),
            .environment = environment.data(),
            .spare = spare.data(),
            .limits = limits.data(),
            .filter = {static_cast<unsigned short>(what.filter.size()), const_cast<sock_filter*>(what.filter.data())}};
  const std::string step = "start " + what.program;
  void* const stack = ::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return std::unexpected(base::system_error(step, errno));

  // A handler of ours must not run in the new process while it has our memory.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int handle = -1;
  const int process = ::clone(become, static_cast<char*>(stack) + stack_bytes,
                              CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &handle);
  const int clone_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::munmap(stack, stack_bytes);
  if (process < 0) return std::unexpected(base::system_error(step, clone_error));

  Launched launched{process, Fd(handle)};
  if (plan.step == nullptr) return launched;
  while (::waitpid(process, nullptr, 0) < 0 && errno == EINTR) {
  }
  const std::string stopped = *plan.step == '\0' ? step : step + ": " + plan.step;
  if (*plan.step == '\0' && plan.error == ENOENT && ::access(what.program.c_str(), F_OK) == 0)
    return base::fail(base::Code::not_found, step + ": what it asks to be run by is not there");
  return std::unexpected(base::system_error(stopped, plan.error));
}

}  // namespace selvedge::os
