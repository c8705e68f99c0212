#include "os/system_calls.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace selvedge::os {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t numbers_of_x32 = 0x40000000;       // the same architecture by name, with other pointers
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#endif

#if defined(__x86_64__) || defined(__aarch64__)

// Newer than the headers of some machines that we are built on; these have one number on both architectures.
constexpr int open_tree = 428, move_mount = 429, fsopen = 430, fsconfig = 431, fsmount = 432, fspick = 433, clone3 = 435,
              mount_setattr = 442, quotactl_fd = 443, io_uring_setup = 425, io_uring_enter = 426, io_uring_register = 427,
              listmount = 458, open_tree_attr = 467;

constexpr std::array refused = std::to_array<int>({
    // mounts and roots
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick,
    mount_setattr, listmount, open_tree_attr,
    // namespaces; for clone see below
    SYS_unshare, SYS_setns,
    // other processes
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, 438 /* pidfd_getfd */,
    // the kernel
    SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_bpf, SYS_perf_event_open,
    SYS_userfaultfd, SYS_syslog, SYS_reboot, SYS_acct, SYS_swapon, SYS_swapoff, SYS_quotactl, quotactl_fd, SYS_lookup_dcookie,
    SYS_nfsservctl, io_uring_setup, io_uring_enter, io_uring_register,
    // keys of the kernel, which belong to no namespace
    SYS_add_key, SYS_request_key, SYS_keyctl,
    // files by handle, past their folders
    SYS_open_by_handle_at, SYS_name_to_handle_at,
    // clocks and names of the machine
    SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname,
    // devices and terminals
    SYS_vhangup, SYS_personality,
#if defined(__x86_64__)
    SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat, SYS_sysfs, SYS__sysctl, SYS_create_module,
    SYS_get_kernel_syms, SYS_query_module, SYS_afs_syscall,
#endif
});

constexpr std::uint32_t new_namespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

class Filter {
 public:
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  // The lower half of an argument: what the calls below take is no wider.
  void load_argument(std::size_t index) { load(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t)); }
  // Goes over the next `count` instructions if what was loaded is not `value`.
  void unless_equal_skip(std::uint32_t value, std::uint8_t count) { add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count); }
  void unless_equal(std::uint32_t value, std::uint32_t verdict) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
    answer(verdict);
  }
  void if_at_least(std::uint32_t value, std::uint32_t verdict) {
    add(BPF_JMP | BPF_JGE | BPF_K, value, 0, 1);
    answer(verdict);
  }
  void if_equal(std::uint32_t value, std::uint32_t verdict) {
    unless_equal_skip(value, 1);
    answer(verdict);
  }
  void if_any_bit(std::uint32_t bits, std::uint32_t verdict) {
    add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    answer(verdict);
  }
  void answer(std::uint32_t verdict) { add(BPF_RET | BPF_K, verdict); }
  std::vector<sock_filter> take() { return std::move(code_); }

 private:
  void add(int code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
    code_.push_back({static_cast<std::uint16_t>(code), yes, no, k});
  }
  std::vector<sock_filter> code_;
};

constexpr std::uint32_t error(int number) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(number); }

#endif

}  // namespace

std::vector<sock_filter> system_call_filter() {
#if defined(__x86_64__) || defined(__aarch64__)
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.unless_equal(architecture, SECCOMP_RET_KILL_PROCESS);
  filter.load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  filter.if_at_least(numbers_of_x32, SECCOMP_RET_KILL_PROCESS);
#endif
  for (const int number : refused) filter.if_equal(static_cast<std::uint32_t>(number), error(EPERM));
  // Its flags lie in memory, where a filter cannot look. The C library then takes clone.
  filter.if_equal(clone3, error(ENOSYS));

  filter.unless_equal_skip(SYS_clone, 4);
  filter.load_argument(0);
  filter.if_any_bit(new_namespaces, error(EPERM));
  filter.answer(SECCOMP_RET_ALLOW);

  // Typing into a terminal for whoever has it next.
  filter.unless_equal_skip(SYS_ioctl, 6);
  filter.load_argument(1);
  filter.if_equal(TIOCSTI, error(EPERM));
  filter.if_equal(TIOCLINUX, error(EPERM));
  filter.answer(SECCOMP_RET_ALLOW);

  for (const std::uint32_t call : {SYS_socket, SYS_socketpair}) {
    filter.unless_equal_skip(call, 10);
    filter.load_argument(0);
    for (const std::uint32_t family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) filter.if_equal(family, SECCOMP_RET_ALLOW);
    filter.answer(error(EAFNOSUPPORT));
  }

  filter.answer(SECCOMP_RET_ALLOW);
  return filter.take();
#else
  return {};
#endif
}

}  // namespace selvedge::os
