#include "os/sandbox.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>

#include "os/child_files.h"
#include "os/launch.h"

namespace selvedge::os {

const char* const bubblewrap_path = "/usr/bin/bwrap";

namespace {

constexpr const char* setpriv_path = "/usr/bin/setpriv";
constexpr const char* env_path = "/usr/bin/env";
constexpr const char* true_path = "/usr/bin/true";
constexpr int trial_ms = 10'000;
constexpr std::size_t most_paths = 256;

constexpr std::array system_links = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
constexpr std::array system_files = {"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime",
                                     "/etc/ssl", "/etc/pki", "/etc/ca-certificates"};
constexpr std::array network_files = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/protocols",
                                      "/etc/gai.conf"};

class Arguments {
 public:
  template <typename... Text>
  Arguments& add(const Text&... texts) {
    (all_.emplace_back(texts), ...);
    return *this;
  }
  std::vector<std::string> take() { return std::move(all_); }

 private:
  std::vector<std::string> all_;
};

void add_root(Arguments& arguments, bool network) {
  arguments.add("--ro-bind", "/usr", "/usr", "--perms", "0755", "--dir", "/etc");
  for (const char* const path : system_links) {
    std::error_code error;
    if (std::filesystem::is_symlink(path, error)) arguments.add("--symlink", std::filesystem::read_symlink(path, error).string(), path);
    else arguments.add("--ro-bind-try", path, path);
  }
  for (const char* const path : system_files) arguments.add("--ro-bind-try", path, path);
  if (network)
    for (const char* const path : network_files) arguments.add("--ro-bind-try", path, path);
}

// A root of its own has all places already, and nothing can be made in it.
void add_own_root(Arguments& arguments, const std::string& root, bool network) {
  arguments.add("--ro-bind", root, "/");
  for (const char* const path : {"/etc/resolv.conf", "/etc/hosts"})
    if (network) arguments.add("--ro-bind-try", path, path);
}

// What leads to a path, for the child to pass: bubblewrap alone would keep it to root.
void add_way(Arguments& arguments, std::string_view path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string_view::npos; slash = path.find('/', slash + 1))
    arguments.add("--perms", "0755", "--dir", std::string(path.substr(0, slash)));
}

bool is_or_is_below(std::string_view path, std::string_view folder) {
  return path == folder || (path.starts_with(folder) && path.substr(folder.size()).starts_with('/'));
}

base::Result<std::string> plain_path(const std::string& path) {
  const std::string step = "let a task see " + path;
  if (!path.starts_with('/')) return base::fail(base::Code::invalid_input, step + ": it is not absolute");
  std::error_code error;
  const std::string plain = std::filesystem::canonical(path, error).string();
  if (error) return std::unexpected(base::system_error(step, error.value()));
  return plain;
}

base::Result<std::string> checked_path(const std::string& path, const ChildSandbox& sandbox) {
  const std::string plain = TRY(plain_path(path));
  const std::string step = "let a task see " + path;
  for (const char* const kernel : {"/proc", "/sys", "/dev"})
    if (plain == "/" || is_or_is_below(plain, kernel))
      return base::fail(base::Code::denied,
                        step + ": " + (plain == "/" ? "the whole machine is" : "that is the kernel's") + " not for tasks");
  for (const std::string& hidden : sandbox.hidden) {
    std::error_code error;
    const std::string there = std::filesystem::weakly_canonical(hidden, error).string();
    if (is_or_is_below(plain, there) || is_or_is_below(there, plain))
      return base::fail(base::Code::denied, step + ": " + hidden + " is not for tasks");
  }
  return plain;
}

// What the task may write in could lead elsewhere by the time that it is mounted; and it is seen as it is.
base::Result<void> check_not_below(const std::string& path, const std::string& writable) {
  const std::string written = std::filesystem::path(path).lexically_normal().string();
  if (written == writable || !is_or_is_below(written, writable)) return {};
  return base::fail(base::Code::denied, "let a task see " + path + ": it is in a folder that the task may write, and seen there");
}

// Whether a program runs in such a sandbox, and if not, what bubblewrap said.
base::Result<void> attempt(SandboxTools::Kind kind) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(base::system_error("try bubblewrap", errno));
  const Fd read(ends[0]);
  Fd write(ends[1]);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  ChildOptions options;
  options.folder = "/usr";
  if (kind == SandboxTools::Kind::as_root) options.user = 65534;
  Launch trial;
  trial.program = bubblewrap_path;
  trial.arguments = sandboxed(kind, {}, options, true_path, {}, {});
  trial.descriptors = {null.value(), null.value(), write.value()};
  const Launched launched = TRY(launch(trial));
  write.reset();
  pollfd ready{.fd = launched.handle.value(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, trial_ms) != 1) ::kill(-launched.process, SIGKILL);
  int status = 0;
  while (::waitpid(launched.process, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return {};
  std::array<char, 256> said{};
  const ssize_t count = ::read(read.value(), said.data(), said.size());
  std::string text(said.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  text.resize(std::min(text.find('\n'), text.size()));
  return base::fail(base::Code::unavailable, text.empty() ? "bubblewrap does not run" : text);
}

std::optional<std::int64_t> last_number(std::string_view text, std::string_view name) {
  const std::size_t at = text.rfind(name);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(": "), text.size()));
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  return number;
}

}  // namespace

SandboxTools look_for_sandbox() {
  using Kind = SandboxTools::Kind;
  if (::access(bubblewrap_path, X_OK) != 0) return {Kind::none, "bubblewrap is not installed"};
  std::string why;
  if (::geteuid() == 0) {
    if (::access(setpriv_path, X_OK) == 0) {
      const auto done = attempt(Kind::as_root);
      if (done) return {Kind::as_root, ""};
      why = done.error().message;
    }
  }
  const auto done = attempt(Kind::as_user);
  if (done) return {Kind::as_user, ""};
  return {Kind::none, why.empty() ? done.error().message : why};
}

base::Result<ChildSandbox> checked(const ChildSandbox& sandbox, const std::string& folder) {
  if (sandbox.read_only.size() + sandbox.writable.size() + sandbox.devices.size() > most_paths)
    return base::fail(base::Code::exhausted, "let a task see folders: more than " + std::to_string(most_paths));
  ChildSandbox plain = sandbox;
  const std::string own = TRY(plain_path(folder));
  for (auto* const list : {&plain.writable, &plain.read_only})
    for (std::string& path : *list) {
      for (const std::string& place : {own, folder}) TRY(check_not_below(path, place));
      for (const std::string& place : plain.writable) TRY(check_not_below(path, place));
      path = TRY(checked_path(path, sandbox));
    }
  for (const std::string& device : plain.devices) {
    struct stat found {};
    const std::string step = "let a task use " + device;
    if (!device.starts_with("/dev/") || device.contains("/.."))
      return base::fail(base::Code::invalid_input, step + ": it is not below /dev");
    if (::stat(device.c_str(), &found) != 0) return std::unexpected(base::system_error(step, errno));
    if (!S_ISCHR(found.st_mode)) return base::fail(base::Code::denied, step + ": only character devices are for tasks");
  }
  return plain;
}

std::vector<std::uint32_t> device_groups(const ChildSandbox& sandbox) {
  std::vector<std::uint32_t> groups;
  for (const std::string& device : sandbox.devices) {
    struct stat found {};
    if (::stat(device.c_str(), &found) != 0 || found.st_gid == 0 || (found.st_mode & S_IROTH) != 0) continue;
    if (std::ranges::find(groups, found.st_gid) == groups.end()) groups.push_back(found.st_gid);
  }
  return groups;
}

std::vector<std::string> sandboxed(SandboxTools::Kind kind, const ChildSandbox& sandbox, const ChildOptions& options,
                                   const std::string& program, const std::vector<std::string>& environment,
                                   const SandboxDescriptors& descriptors) {
  const bool as_root = kind == SandboxTools::Kind::as_root;
  const bool network = sandbox.network == ChildSandbox::Network::host;
  const std::string user = std::to_string(options.user != 0 ? options.user : ::geteuid());
  const std::string tmp = std::to_string(std::max<std::int64_t>(sandbox.tmp, 4096));
  Arguments arguments;
  arguments.add("bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "task");
  if (!network) arguments.add("--unshare-net");
  arguments.add("--cap-drop", "ALL");
  // The third is for its folder, which is another user's and may be closed to root; setpriv loses all three.
  if (as_root) arguments.add("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_DAC_READ_SEARCH");
  else arguments.add("--unshare-user", "--uid", user, "--gid", user);
  const auto give = [&](const char* option, int descriptor) {
    if (descriptor >= 0) arguments.add(option, std::to_string(descriptor));
  };
  give("--seccomp", descriptors.filter);
  give("--json-status-fd", descriptors.status);
  give("--info-fd", descriptors.info);

  const bool own_root = !sandbox.root.empty();
  if (own_root) add_own_root(arguments, sandbox.root, network);
  else add_root(arguments, network);
  if (descriptors.users >= 0) arguments.add("--perms", "0644", "--ro-bind-data", std::to_string(descriptors.users), "/etc/passwd");
  if (descriptors.groups >= 0) arguments.add("--perms", "0644", "--ro-bind-data", std::to_string(descriptors.groups), "/etc/group");
  arguments.add("--proc", "/proc", "--dev", "/dev");
  for (const char* const place : {"/dev/shm", "/tmp"}) arguments.add("--perms", "1777", "--size", tmp, "--tmpfs", place);
  if (own_root) arguments.add("--perms", "0755", "--size", tmp, "--tmpfs", "/run");
  const auto show = [&](const char* how, const std::string& path) {
    add_way(arguments, path);
    arguments.add(how, path, path);
  };
  for (const std::string& path : sandbox.read_only) show("--ro-bind", path);
  for (const std::string& path : sandbox.writable) show("--bind", path);
  for (const std::string& path : sandbox.devices) show("--dev-bind", path);
  if (options.folder != "/usr") show("--bind", options.folder);
  arguments.add("--remount-ro", "/dev", "--remount-ro", "/");
  arguments.add("--chdir", own_root && !sandbox.work.empty() ? sandbox.work : options.folder);

  // Nothing of the child's environment may be there while there are still privileges: LD_PRELOAD would use them.
  arguments.add("--clearenv");
  if (as_root) {
    std::string groups;
    for (const std::uint32_t group : device_groups(sandbox)) groups += (groups.empty() ? "--groups=" : ",") + std::to_string(group);
    arguments.add("--", setpriv_path, "--reuid", user, "--regid", user, groups.empty() ? "--clear-groups" : groups, "--inh-caps=-all",
                  "--", env_path, "-i");
    for (const std::string& variable : environment) arguments.add(variable);
  } else {
    for (const std::string& variable : environment) {
      const std::size_t equals = std::min(variable.find('='), variable.size() - 1);
      arguments.add("--setenv", variable.substr(0, equals), variable.substr(equals + 1));
    }
    arguments.add("--");
  }
  arguments.add(program);
  return arguments.take();
}

std::optional<int> sandbox_exit(std::string_view status) {
  const auto number = last_number(status, "\"exit-code\"");
  if (!number) return std::nullopt;
  return static_cast<int>(*number);
}

int sandbox_first_process(std::string_view status) {
  return static_cast<int>(last_number(status, "\"child-pid\"").value_or(0));
}

}  // namespace selvedge::os
