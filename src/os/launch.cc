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

#ifdef __SANITIZE_THREAD__
// The sanitiser takes clone for a fork that has our threads to forget; this name of it it does not know.
extern "C" int __clone(int (*)(void*), void*, int, void*, ...);
#define SELVEDGE_CLONE ::__clone
#else
#define SELVEDGE_CLONE ::clone
#endif

namespace selvedge::os {
namespace {

constexpr std::size_t stack_bytes = 64 << 10;
constexpr int signals = 64;

// Some of a vector, by pointer: no call into the library between clone and exec.
template <typename T>
struct Part {
  explicit Part(const std::vector<T>& all) : first(all.data()), count(static_cast<long>(all.size())) {}
  const T* first;
  long count;
};

struct Limit {
  int resource;
  rlimit value;
};

// All that the new process needs, made before: it may not ask for memory. It writes `step` and `error`.
struct Plan {
  const char* program;
  const char* folder;
  char* const* arguments;
  char* const* environment;
  Part<int> descriptors, doors;
  int* spare;                              // one for each descriptor
  Part<Limit> limits;
  Part<std::uint32_t> groups;
  int record;
  std::uint32_t user;
  bool confined;
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

SELVEDGE_BARE bool place_descriptors(const Plan& plan) {
  const long count = plan.descriptors.count;
  // First out of the way of the numbers that they are to have.
  for (long i = 0; i < count; ++i) {
    plan.spare[i] = static_cast<int>(::syscall(SYS_fcntl, plan.descriptors.first[i], F_DUPFD_CLOEXEC, count));
    if (plan.spare[i] < 0) return false;
  }
  for (long i = 0; i < count; ++i)
    if (::syscall(SYS_dup3, plan.spare[i], i, 0) < 0) return false;
  // Linux before 5.9 has no such call; there what others opened without O_CLOEXEC stays open.
  return ::syscall(SYS_close_range, count, ~0U, 0) == 0 || errno == ENOSYS;
}

SELVEDGE_BARE int become(void* argument) {
  Plan& plan = *static_cast<Plan*>(argument);
  ::syscall(SYS_setsid);
  if (plan.record >= 0 && !write_record(plan.record)) return stop(plan, "write down who it is");
  for (long i = 0; i < plan.doors.count; ++i)
    if (::syscall(SYS_write, plan.doors.first[i], "0", 1) != 1) return stop(plan, "join its control group");
  if (!place_descriptors(plan)) return stop(plan, "hand over its descriptors");
  for (long i = 0; i < plan.limits.count; ++i)
    if (::syscall(SYS_prlimit64, 0, plan.limits.first[i].resource, &plan.limits.first[i].value, nullptr) != 0)
      return stop(plan, "set its limits");
  if (plan.folder != nullptr && ::syscall(SYS_chdir, plan.folder) != 0) return stop(plan, "enter its folder");
  if (plan.user != 0) {
    if (::syscall(SYS_setgroups, plan.groups.count, plan.groups.first) != 0 ||
        ::syscall(SYS_setresgid, plan.user, plan.user, plan.user) != 0 ||
        ::syscall(SYS_setresuid, plan.user, plan.user, plan.user) != 0)
      return stop(plan, "become its user");
  }
  ::syscall(SYS_umask, 022);
  default_signals();
  if (plan.confined && ::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
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

std::vector<Limit> lowered(const Launch& what) {
  std::vector<Limit> all;
  for (const auto& [resource, most] : what.limits) {
    rlimit now{};
    ::getrlimit(static_cast<__rlimit_resource>(resource), &now);
    const rlim_t value = std::min(most, now.rlim_max);
    all.push_back({resource, {value, value}});
  }
  return all;
}

}  // namespace

base::Result<Launched> launch(const Launch& what) {
  const std::vector<char*> arguments = pointers(what.arguments), environment = pointers(what.environment);
  const std::vector<Limit> limits = lowered(what);
  std::vector<int> spare(what.descriptors.size());
  Plan plan{.program = what.program.c_str(),
            .folder = what.folder.empty() ? nullptr : what.folder.c_str(),
            .arguments = arguments.data(),
            .environment = environment.data(),
            .descriptors = Part(what.descriptors),
            .doors = Part(what.doors),
            .spare = spare.data(),
            .limits = Part(limits),
            .groups = Part(what.groups),
            .record = what.record,
            .user = what.user,
            .confined = what.confined,
            .filter = {static_cast<unsigned short>(what.filter.size()), const_cast<sock_filter*>(what.filter.data())}};
  const std::string step = "start " + what.program;
  void* const stack = ::mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return std::unexpected(base::system_error(step, errno));

  // A handler of ours must not run in the new process while it has our memory.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int handle = -1;
  const int process = SELVEDGE_CLONE(become, static_cast<char*>(stack) + stack_bytes,
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
