#include "os/control_group.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <memory>

#include "base/text.h"

namespace selvedge::os {
namespace {

constexpr std::size_t most_text = 1 << 20;
constexpr std::size_t most_name = 200;
constexpr std::int64_t period_us = 100'000;
// bubblewrap's two processes, and one that is on its way out while the next comes.
constexpr std::uint32_t processes_beside = 3;
constexpr int kill_rounds = 20;

base::Result<void> put(const std::string& path, std::string_view text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.value(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return std::unexpected(base::system_error("write " + path, errno));
  return {};
}

std::string text_of(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char part[4096];
  ssize_t count = 0;
  while (fd && text.size() < most_text && (count = ::read(fd.value(), part, sizeof part)) > 0)
    text.append(part, static_cast<std::size_t>(count));
  return text;
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Of "oom_kill 3", a line of `text`.
std::int64_t named_number(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ' ')
      return number(line.substr(name.size() + 1));
  }
  return 0;
}

std::vector<std::string> folders(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(path.c_str()), ::closedir);
  std::vector<std::string> all;
  while (const dirent* const entry = dir ? ::readdir(dir.get()) : nullptr)
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') all.emplace_back(entry->d_name);
  return all;
}

base::Result<void> check_name(std::string_view name) {
  const bool plain = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-_./").contains(c);
  });
  if (plain && !name.empty() && name.size() <= most_name && std::ranges::count(name, '/') <= 1 && name.front() != '.' &&
      name.front() != '/' && name.back() != '/' && !name.contains("/."))
    return {};
  return base::fail(base::Code::invalid_input, "make control group: a name is letters, digits, '.', '-' and '_', in at most two parts");
}

// Version 2 hands controllers down only from groups without processes: ours move to a leaf.
void hand_down(const GroupTree& tree) {
  const auto ask = [&] {
    bool all = true;
    for (const auto& [has, name] : {std::pair{tree.memory, "+memory"}, {tree.cpu, "+cpu"}, {tree.processes, "+pids"}})
      if (has) all = put(tree.path + "/cgroup.subtree_control", name).has_value() && all;
    return all;
  };
  if (ask()) return;
  if (text_of(tree.path + "/cgroup.procs") != std::to_string(::getpid()) + "\n") return;   // others are there too
  const std::string leaf = tree.path + "/program";
  ::mkdir(leaf.c_str(), 0755);
  if (put(leaf + "/cgroup.procs", "0")) ask();
}

}  // namespace

void ControlGroup::limit(const Place& place, const ChildLimits& limits) {
  const std::string& path = place.path;
  const bool second = place.tree.second;
  std::string held;
  const auto hold = [&](std::string_view what) { held += (held.empty() ? "" : ", ") + std::string(what); };
  if (place.tree.cpu && limits.cpu > 0) {
    const std::string quota = std::to_string(std::max<std::int64_t>(limits.cpu * period_us / 1000, 1000));
    const auto done = second ? put(path + "/cpu.max", quota + " " + std::to_string(period_us))
                             : put(path + "/cpu.cfs_quota_us", quota);
    if (done) hold("cpu");
  }
  if (place.tree.memory && limits.memory > 0) {
    const std::string bytes = std::to_string(limits.memory);
    memory_ = put(path + (second ? "/memory.max" : "/memory.limit_in_bytes"), bytes).has_value();
    if (memory_) hold("memory");
    // Where swap is counted it is not a way around.
    base::ignore(put(path + (second ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes"), second ? "0" : bytes), "may not be there");
    if (second) base::ignore(put(path + "/memory.oom.group", "1"), "may not be there");
  }
  if (place.tree.processes && limits.processes > 0) {
    processes_ = put(path + "/pids.max", std::to_string(limits.processes + processes_beside)).has_value();
    if (processes_) hold("processes");
  }
  if (held.empty()) return;
  // One list for each version: "cpu, memory: cgroup v1".
  const std::string version = std::string(": cgroup v") + (second ? "2" : "1");
  if (held_.ends_with(version)) held_ = held_.substr(0, held_.size() - version.size()) + ", " + held + version;
  else held_ += (held_.empty() ? "" : "; ") + held + version;
}

base::Result<std::vector<Fd>> ControlGroup::doors() const {
  std::vector<Fd> all;
  for (const Place& place : places_) {
    const std::string path = place.path + "/cgroup.procs";
    all.emplace_back(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!all.back()) return std::unexpected(base::system_error("open " + path, errno));
  }
  return all;
}

void ControlGroup::kill() const {
  for (const Place& place : places_)
    if (place.tree.processes) base::ignore(put(place.path + "/pids.max", "0"), "it goes on with what there is");
  for (const Place& place : places_)
    if (place.tree.second && put(place.path + "/cgroup.kill", "1")) return;
  // Without cgroup.kill (Linux before 5.14) some may fork between the list and the signal: again until none is left.
  for (int round = 0; round < kill_rounds && !empty(); ++round) {
    std::string all = text_of(places_.front().path + "/cgroup.procs");
    for (std::string_view rest = all; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (const auto process = number(line); process > 0) ::kill(static_cast<pid_t>(process), SIGKILL);
    }
  }
}

bool ControlGroup::empty() const {
  return std::ranges::all_of(places_, [](const Place& place) { return text_of(place.path + "/cgroup.procs").empty(); });
}

ChildUsage ControlGroup::usage() const {
  ChildUsage usage;
  for (const Place& place : places_) {
    if (place.tree.second) {
      const auto used = named_number(text_of(place.path + "/cpu.stat"), "usage_usec");
      if (used > 0) usage.cpu = std::chrono::microseconds(used);
    } else if (place.tree.account && usage.cpu == base::Duration{}) {
      usage.cpu = std::chrono::nanoseconds(number(text_of(place.path + "/cpuacct.usage")));
    }
    if (!place.tree.memory) continue;
    const bool second = place.tree.second;
    usage.memory = number(text_of(place.path + (second ? "/memory.current" : "/memory.usage_in_bytes")));
    usage.memory_peak = number(text_of(place.path + (second ? "/memory.peak" : "/memory.max_usage_in_bytes")));
  }
  return usage;
}

std::uint64_t ControlGroup::out_of_memory() const {
  for (const Place& place : places_) {
    if (!place.tree.memory) continue;
    const std::string text = text_of(place.path + (place.tree.second ? "/memory.events" : "/memory.oom_control"));
    return static_cast<std::uint64_t>(named_number(text, "oom_kill"));
  }
  return 0;
}

base::Result<void> ControlGroup::remove() const {
  for (const Place& place : places_)
    if (::rmdir(place.path.c_str()) != 0 && errno != ENOENT)
      return base::fail(base::Code::unavailable, "remove control group " + place.path + ": " + base::system_error("", errno).message);
  return {};
}

ControlGroup ControlGroups::named(std::string_view name) const {
  ControlGroup group;
  for (const GroupTree& tree : trees_)
    group.places_.push_back({tree.path + "/" + std::string(name), tree});
  return group;
}

base::Result<ControlGroup> ControlGroups::make(std::string_view name, const ChildLimits& limits) const {
  TRY(check_name(name));
  ControlGroup group = named(name);
  const std::size_t slash = name.find('/');
  std::erase_if(group.places_, [&](const ControlGroup::Place& place) {
    const std::string parent = slash == std::string_view::npos ? "" : place.tree.path + "/" + std::string(name.substr(0, slash));
    if (place.tree.second) hand_down(place.tree);
    if (!parent.empty()) {
      const bool fresh = ::mkdir(parent.c_str(), 0755) == 0;
      if (fresh && place.tree.second) {
        GroupTree below = place.tree;
        below.path = parent;
        hand_down(below);
      }
    }
    return ::mkdir(place.path.c_str(), 0755) != 0 && errno != EEXIST;   // not ours to use
  });
  for (const auto& place : group.places_) {
    // One that was killed and could not go yet lets nothing start.
    if (place.tree.processes && limits.processes == 0) base::ignore(put(place.path + "/pids.max", "max"), "it is so in a new one");
    group.limit(place, limits);
  }
  return group;
}

ControlGroup ControlGroups::find(std::string_view name, const ChildLimits& limits) const {
  if (!check_name(name)) return {};
  ControlGroup group = named(name);
  std::erase_if(group.places_, [](const ControlGroup::Place& place) { return ::access(place.path.c_str(), F_OK) != 0; });
  for (const auto& place : group.places_) group.limit(place, limits);
  return group;
}

std::vector<std::string> ControlGroups::below(std::string_view name) const {
  std::vector<std::string> all;
  if (!check_name(name)) return all;
  for (const GroupTree& tree : trees_)
    for (std::string& one : folders(tree.path + "/" + std::string(name))) all.push_back(std::move(one));
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<std::string> end_groups(const ControlGroups& groups, std::string_view name, std::span<const std::string> kept) {
  constexpr int rounds = 200;
  constexpr timespec pause{.tv_sec = 0, .tv_nsec = 5'000'000};
  std::vector<std::string> ended;
  for (std::string& one : groups.below(name)) {
    if (std::ranges::find(kept, one) != kept.end()) continue;
    const ControlGroup group = groups.find(std::string(name) + "/" + one, {});
    group.kill();
    for (int round = 0; round < rounds && !group.remove(); ++round) ::nanosleep(&pause, nullptr);
    ended.push_back(std::move(one));
  }
  return ended;
}

ControlGroups ControlGroups::here() {
  return ControlGroups(group_trees(text_of("/proc/self/mountinfo"), text_of("/proc/self/cgroup")));
}

namespace {

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(by));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    parts.push_back(part);
  }
  return parts;
}

// Our group among those of /proc/self/cgroup: "4:memory:/path", or "0::/path" of version 2.
std::optional<std::string> group_of(std::string_view groups, std::string_view controller) {
  for (const std::string_view line : split(groups, '\n')) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto names = split(line.substr(first + 1, second - first - 1), ',');
    const bool ours = controller.empty() ? line.starts_with("0::") : std::ranges::find(names, controller) != names.end();
    if (ours) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

}  // namespace

std::vector<GroupTree> group_trees(std::string_view mounts, std::string_view groups) {
  std::vector<GroupTree> trees;
  for (const std::string_view line : split(mounts, '\n')) {
    // id, parent, device, root, mount point, options, any number of others, "-", type, source, more options
    const auto parts = split(line, ' ');
    const auto dash = std::ranges::find(parts, "-");
    if (parts.size() < 7 || parts.end() - dash < 4) continue;
    const bool second = dash[1] == "cgroup2";
    if (!second && dash[1] != "cgroup") continue;
    GroupTree tree;
    tree.second = second;
    std::string controller;
    for (const std::string_view option : split(dash[3], ',')) {
      const auto is = [&](std::string_view name, bool& member) {
        if (option != name) return;
        member = true;
        controller = name;
      };
      is("memory", tree.memory);
      is("cpu", tree.cpu);
      is("cpuacct", tree.account);
      is("pids", tree.processes);
    }
    if (!second && controller.empty()) continue;
    auto own = group_of(groups, second ? "" : controller);
    if (!own) continue;
    // In a container the mount shows the tree from `root` on.
    const std::string_view root = parts[3] == "/" ? "" : parts[3];
    if (!root.empty() && (*own == root || own->starts_with(std::string(root) + "/"))) own->erase(0, root.size());
    if (*own == "/") own->clear();
    tree.path = std::string(parts[4]) + *own;
    if (second) {
      if (tree.path.ends_with("/program")) tree.path.erase(tree.path.size() - std::string_view("/program").size());
      const std::string controllers = text_of(tree.path + "/cgroup.controllers");
      for (const std::string_view word : split(std::string_view(controllers).substr(0, controllers.find('\n')), ' ')) {
        tree.memory = tree.memory || word == "memory";
        tree.cpu = tree.cpu || word == "cpu";
        tree.processes = tree.processes || word == "pids";
      }
    }
    trees.push_back(std::move(tree));
  }
  // Version 2 counts cpu time of every group. Each tree more that a process joins takes it a while.
  if (std::ranges::any_of(trees, &GroupTree::second))
    std::erase_if(trees, [](const GroupTree& tree) { return tree.account && !tree.cpu && !tree.memory && !tree.processes; });
  return trees;
}

}  // namespace selvedge::os
