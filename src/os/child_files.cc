#include "os/child_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>


namespace selvedge::os {
namespace {

constexpr std::size_t most_small = 64 << 10;
constexpr std::array<const char*, 7> names = {"in", "out", "error", "record", "status", "exit", "exit.new"};

base::Result<Fd> open_at(const std::string& path, int flags, mode_t mode = 0600) {
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) return std::unexpected(base::system_error("open " + path, errno));
  return fd;
}

// The child may have another user, who opens it by way of /dev/stdout; the folder is what keeps others out.
base::Result<void> make_named_pipe(const std::string& path) {
  ::unlink(path.c_str());
  if (::mkfifo(path.c_str(), 0600) != 0 || ::chmod(path.c_str(), 0666) != 0)
    return std::unexpected(base::system_error("make pipe " + path, errno));
  return {};
}

enum class Way : std::uint8_t { to_child, from_child };

base::Result<void> make_pipe(Way way, Fd& ours, Fd& childs) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(base::system_error("make pipe", errno));
  Fd read(ends[0]), write(ends[1]);
  ours = std::move(way == Way::to_child ? write : read);
  childs = std::move(way == Way::to_child ? read : write);
  ::fcntl(ours.value(), F_SETFL, O_NONBLOCK);
  return {};
}

base::Result<void> open_ours(const std::string& run, ChildPipes& pipes) {
  pipes.out = TRY(open_at(run + "/out", O_RDONLY | O_NONBLOCK));
  pipes.error = TRY(open_at(run + "/error", O_RDONLY | O_NONBLOCK));
  // Not there without input; nobody at the other end when the child is gone.
  pipes.in.reset(::open((run + "/in").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  return {};
}

}  // namespace

base::Result<ChildPipes> make_pipes(const ChildOptions& options) {
  ChildPipes pipes;
  const bool input = options.input == ChildOptions::Input::pipe;
  if (!input) pipes.child_in = TRY(open_at("/dev/null", O_RDONLY));
  if (options.run.empty()) {
    if (input) TRY(make_pipe(Way::to_child, pipes.in, pipes.child_in));
    TRY(make_pipe(Way::from_child, pipes.out, pipes.child_out));
    TRY(make_pipe(Way::from_child, pipes.error, pipes.child_error));
    return pipes;
  }
  if (input) {
    TRY(make_named_pipe(options.run + "/in"));
    pipes.child_in = TRY(open_at(options.run + "/in", O_RDWR));
  }
  TRY(make_named_pipe(options.run + "/out"));
  TRY(make_named_pipe(options.run + "/error"));
  pipes.child_out = TRY(open_at(options.run + "/out", O_RDWR));
  pipes.child_error = TRY(open_at(options.run + "/error", O_RDWR));
  TRY(open_ours(options.run, pipes));
  return pipes;
}

base::Result<ChildPipes> open_pipes(const std::string& run) {
  ChildPipes pipes;
  TRY(open_ours(run, pipes));
  return pipes;
}

base::Result<Fd> sealed(std::string_view name, std::string_view contents) {
  const std::string shown(name);
  Fd fd(::memfd_create(shown.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return std::unexpected(base::system_error("keep " + shown + " in memory", errno));
  if (::pwrite(fd.value(), contents.data(), contents.size(), 0) != static_cast<ssize_t>(contents.size()) ||
      ::fcntl(fd.value(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0)
    return std::unexpected(base::system_error("keep " + shown + " in memory", errno));
  return fd;
}

std::string read_small(int fd) {
  std::string text(most_small, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t count = ::pread(fd, text.data() + size, text.size() - size, static_cast<off_t>(size));
    if (count <= 0) break;
    size += static_cast<std::size_t>(count);
  }
  text.resize(size);
  return text;
}

std::string read_small(const std::string& path) {
  std::string text;
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  char part[4096];
  ssize_t count = 0;
  while (fd && text.size() < most_small && (count = ::read(fd.value(), part, sizeof part)) > 0)
    text.append(part, static_cast<std::size_t>(count));
  return text;
}

base::Result<Fd> begin_record(const std::string& run) {
  std::error_code made;
  std::filesystem::create_directories(run, made);
  if (made) return std::unexpected(base::system_error("make folder " + run, made.value()));
  ::chmod(run.c_str(), 0700);
  const std::string path = run + "/record";
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
  if (!fd && errno == EEXIST) return base::fail(base::Code::conflict, "start in " + run + ": a child began there before");
  if (!fd) return std::unexpected(base::system_error("make " + path, errno));
  const std::string boot = read_small("/proc/sys/kernel/random/boot_id");
  if (::write(fd.value(), boot.data(), boot.size()) != static_cast<ssize_t>(boot.size()))
    return std::unexpected(base::system_error("write " + path, errno));
  return fd;
}

base::Result<ChildRecord> read_record(const std::string& run) {
  const std::string path = run + "/record";
  if (::access(path.c_str(), F_OK) != 0) return std::unexpected(base::system_error("read " + path, errno));
  const std::string text = read_small(path);
  const std::string boot = read_small("/proc/sys/kernel/random/boot_id");
  if (!text.starts_with(boot)) return ChildRecord{};
  const ProcessLine line = parse_process_line(std::string_view(text).substr(boot.size()));
  return ChildRecord{line.process, line.started};
}

ProcessLine parse_process_line(std::string_view line) {
  // "17 (a name) S 1 17 17 ...": the name may hold anything, so what follows begins after the last ')'.
  constexpr int state_field = 3, parent_field = 4, group_field = 5, started_field = 22;
  const auto value = [](std::string_view text, auto& into) { std::from_chars(text.data(), text.data() + text.size(), into); };
  const std::size_t end = line.rfind(')');
  if (end == std::string_view::npos) return {};
  ProcessLine found;
  std::string_view rest = line.substr(std::min(end + 2, line.size()));
  for (int field = 3; field <= started_field && !rest.empty(); ++field) {
    const std::string_view word = rest.substr(0, rest.find_first_of(" \n"));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    if (field == state_field && !word.empty()) found.state = word.front();
    if (field == parent_field) value(word, found.parent);
    if (field == group_field) value(word, found.group);
    if (field == started_field) value(word, found.started);
  }
  if (found.started > 0) value(line, found.process);
  return found;
}

ProcessLine process_line(int process) {
  return parse_process_line(read_small("/proc/" + std::to_string(process) + "/stat"));
}

bool group_lives(int group) {
  if (::kill(-group, 0) != 0) return errno != ESRCH;
  // Those that have ended count until somebody reaps them, and that may take init seconds.
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    int process = 0;
    const std::string name = at->path().filename().string();
    std::from_chars(name.data(), name.data() + name.size(), process);
    if (process <= 0) continue;
    const ProcessLine line = process_line(process);
    if (line.group == group && line.state != 'Z' && line.state != 'X') return true;
  }
  return false;
}

Fd open_process(const ChildRecord& record) {
  if (record.process <= 0) return Fd();
  Fd handle(static_cast<int>(::syscall(SYS_pidfd_open, record.process, 0)));
  // The handle is of whoever has the id now. Was it somebody else, the start tells; was it the one, it stays so.
  if (handle && process_line(record.process).started != record.started) handle.reset();
  return handle;
}

base::Result<void> write_exit(const std::string& run, const ChildExit& exit) {
  const std::string made = run + "/exit.new";
  const Fd fd = TRY(open_at(made, O_WRONLY | O_CREAT | O_TRUNC));
  std::string text = std::to_string(static_cast<int>(exit.how)) + " " + std::to_string(exit.number) + " " +
                     std::to_string(exit.usage.cpu.count()) + " " + std::to_string(exit.usage.memory_peak) + "\n" + exit.why;
  if (::write(fd.value(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::rename(made.c_str(), (run + "/exit").c_str()) != 0)
    return std::unexpected(base::system_error("write " + made, errno));
  return {};
}

std::optional<ChildExit> read_exit(const std::string& run) {
  const std::string text = read_small(run + "/exit");
  std::array<std::int64_t, 4> numbers{};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (std::int64_t& number : numbers) {
    const auto [after, error] = std::from_chars(at, end, number);
    if (error != std::errc() || after == end) return std::nullopt;
    at = after + 1;
  }
  if (numbers[0] < 0 || numbers[0] > static_cast<int>(ChildExit::How::unknown)) return std::nullopt;
  ChildExit exit{.how = static_cast<ChildExit::How>(numbers[0]), .number = static_cast<int>(numbers[1]), .why = {}, .usage = {}};
  exit.usage.cpu = std::chrono::nanoseconds(numbers[2]);
  exit.usage.memory_peak = numbers[3];
  exit.why.assign(at, end);
  return exit;
}

void remove_run(const std::string& run) {
  for (const char* const name : names) ::unlink((run + "/" + name).c_str());
  ::rmdir(run.c_str());
}

}  // namespace selvedge::os
