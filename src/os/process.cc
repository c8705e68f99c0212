#include "os/process.h"

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "base/text.h"
#include "os/fd.h"

namespace selvedge::os {
namespace {

// The number of a line like "Rss:    1234 kB".
std::optional<std::uint64_t> kilobytes(std::string_view line, std::string_view name) {
  if (!line.starts_with(name)) return std::nullopt;
  line.remove_prefix(name.size());
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const auto number = base::parse_int(line.substr(0, line.find(' ')));
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number) << 10;
}

}  // namespace

base::Result<ProcessMemory> process_memory() {
  std::ifstream file("/proc/self/smaps_rollup");
  ProcessMemory memory;
  std::string line;
  while (std::getline(file, line)) {
    if (const auto bytes = kilobytes(line, "Rss:")) memory.resident_bytes = *bytes;
    if (const auto bytes = kilobytes(line, "Pss:")) memory.proportional_bytes = *bytes;
  }
  if (memory.resident_bytes == 0)
    return base::fail(base::Code::unavailable, "read /proc/self/smaps_rollup: it tells nothing");
  return memory;
}

std::uint64_t resident_memory() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  const long page = sysconf(_SC_PAGESIZE);
  return file >> all >> resident && page > 0 ? resident * static_cast<std::uint64_t>(page) : 0;
}

#ifdef __GLIBC__
void keep_heap_compact() {
  constexpr int arenas = 1;
  mallopt(M_ARENA_MAX, arenas);
}
void release_free_memory() { malloc_trim(0); }
#else
void keep_heap_compact() {}
void release_free_memory() {}
#endif

base::Result<std::uint64_t> raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return std::unexpected(base::system_error("read the limit of open files", errno));
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return std::unexpected(base::system_error("raise the limit of open files", errno));
  return std::uint64_t{limit.rlim_cur};
}

base::Result<void> notify_supervisor(std::string_view state) {
  const char* const variable = std::getenv("NOTIFY_SOCKET");
  if (variable == nullptr || *variable == '\0') return {};
  const std::string_view path(variable);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return base::fail(base::Code::invalid_input, "NOTIFY_SOCKET: too long for a socket's name");
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';  // an abstract name
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(base::system_error("notify supervisor", errno));
  const ssize_t sent = ::sendto(fd.value(), state.data(), state.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), size);
  if (sent < 0) return std::unexpected(base::system_error("notify supervisor", errno));
  return {};
}

Machine machine() {
  Machine known;
  utsname names{};
  if (uname(&names) == 0) {
    known.arch = names.machine;
    known.os = names.sysname;
    known.kernel = names.release;
    for (char& c : known.os) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  std::ifstream boot("/proc/sys/kernel/random/boot_id");
  std::getline(boot, known.boot);
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) known.cpu = std::int64_t{1000} * CPU_COUNT(&cores);
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) known.memory = std::int64_t{pages} * page;
  return known;
}

namespace {
constexpr int most_lock_tries = 250;
constexpr useconds_t lock_pause_us = 20'000;
}  // namespace

base::Result<void> claim_directory(const std::string& path) {
  std::error_code made;
  std::filesystem::create_directories(path, made);
  const std::string name = path + "/lock";
  Fd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (fd.value() < 0) return std::unexpected(base::system_error("open " + name, errno));
  for (int tries = 0; ::flock(fd.value(), LOCK_EX | LOCK_NB) != 0; ++tries) {
    if (errno != EWOULDBLOCK) return std::unexpected(base::system_error("lock " + name, errno));
    char holder[16] = {};
    const ssize_t count = ::pread(fd.value(), holder, sizeof holder - 1, 0);
    // What a killed one was just starting has its descriptors until it is a program.
    const bool gone = count > 0 && ::kill(std::atoi(holder), 0) != 0 && errno == ESRCH;
    if (gone && tries < most_lock_tries) {
      ::usleep(lock_pause_us);
      continue;
    }
    return base::fail(base::Code::conflict,
                      path + " is in use" + (count > 0 ? " by process " + std::string(holder) : "") +
                          ": one process at a time can keep its state there");
  }
  const std::string own = std::to_string(::getpid());
  if (::ftruncate(fd.value(), 0) != 0 ||
      ::pwrite(fd.value(), own.data(), own.size(), 0) != static_cast<ssize_t>(own.size()))
    return std::unexpected(base::system_error("write " + name, errno));
  static_cast<void>(fd.release());     // kept open, and so locked, to the end of the process
  return {};
}

}  // namespace selvedge::os
