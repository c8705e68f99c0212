#include "os/fake/disk.h"

#include <algorithm>
#include <cerrno>

#include "os/fake/disk_handles.h"
#include "os/fake/disk_nodes.h"
#include "os/fake/kernel.h"
#include "os/fake/life.h"

namespace selvedge::os::fake {
namespace {

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0 && path.substr(0, slash) != ".") parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

void collect(const DirNode& dir, const std::string& prefix, std::vector<std::string>& files) {
  for (const auto& [name, entry] : dir.entries) {
    if (entry.dir) collect(*entry.dir, prefix + name + "/", files);
    else files.push_back(prefix + name);
  }
}

}  // namespace

Disk::Disk(Kernel& kernel, std::string machine, Random random)
    : kernel_(kernel), machine_(std::move(machine)), random_(random),
      root_(std::make_shared<DirNode>()) {}

Disk::~Disk() = default;

base::Result<std::unique_ptr<Dir>> Disk::open_dir(Life& life, std::string_view path, bool create) {
  if (!life.alive()) return life.down("open directory " + std::string(path));
  std::shared_ptr<DirNode> at = root_;
  for (const std::string& part : components(path)) {
    auto found = at->entries.find(part);
    if (found == at->entries.end()) {
      if (!create)
        return std::unexpected(base::system_error("open directory " + std::string(path), ENOENT));
      found = at->entries.emplace(part, Entry{nullptr, std::make_shared<DirNode>()}).first;
      kernel_.note("mkdir", 0, at->entries.size());
    }
    if (!found->second.dir)
      return std::unexpected(base::system_error("open directory " + std::string(path), ENOTDIR));
    at = found->second.dir;
  }
  return std::make_unique<FakeDir>(*this, life, std::move(at), std::string(path));
}

std::vector<std::string> Disk::files() const {
  std::vector<std::string> all;
  collect(*root_, "", all);
  return all;
}

std::shared_ptr<FileNode> Disk::find_file(std::string_view path) const {
  const std::vector<std::string> parts = components(path);
  const DirNode* at = root_.get();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto found = at->entries.find(parts[i]);
    if (found == at->entries.end()) return nullptr;
    if (i + 1 == parts.size()) return found->second.file;
    if (!found->second.dir) return nullptr;
    at = found->second.dir.get();
  }
  return nullptr;
}

base::Result<base::Bytes> Disk::contents(std::string_view path) const {
  const auto file = find_file(path);
  if (!file) return std::unexpected(base::system_error("look at " + std::string(path), ENOENT));
  return file->content;
}

base::Result<void> Disk::flip_bits(std::string_view path, std::uint64_t offset, std::uint8_t mask) {
  const auto file = find_file(path);
  if (!file) return std::unexpected(base::system_error("damage " + std::string(path), ENOENT));
  if (offset >= file->content.size())
    return base::fail(base::Code::invalid_input,
                      "damage " + std::string(path) + ": it has only " +
                          std::to_string(file->content.size()) + " bytes");
  file->content[offset] = static_cast<std::uint8_t>(file->content[offset] ^ mask);
  return {};
}

Disk::Fate Disk::next_fate() {
  ++stats_.changes;
  if (crash_countdown_ == 0 || --crash_countdown_ > 0) return Fate::whole;
  return static_cast<Fate>(1 + random_.below(3));
}

base::Result<void> Disk::change(Life& life, const std::function<base::Result<void>()>& whole,
                                const std::function<void()>& part) {
  const Fate fate = next_fate();
  kernel_.note("disk", stats_.changes, used_);
  base::Result<void> result;
  if (fate == Fate::crash_within) part();
  if (fate == Fate::whole || fate == Fate::crash_after) result = whole();
  if (fate == Fate::whole) return result;
  crash_();
  return life.down("write to disk");
}

void Disk::charge_sync(std::uint64_t bytes) {
  if (!in_job_) {
    ++stats_.syncs_on_loop;
    return;
  }
  job_cost_ += random_.between(model.sync_latency / 2, model.sync_latency * 2);
  if (model.bytes_per_second > 0)
    job_cost_ += base::Duration(static_cast<std::int64_t>(
        static_cast<double>(bytes) * 1e9 / static_cast<double>(model.bytes_per_second)));
}

void Disk::power_cut() {
  forget_names(*root_);
  recount();
}

// Undoes what happened to names after some point, then tears the files that are left.
void Disk::forget_names(DirNode& dir) {
  std::size_t keep = random_.below(dir.pending.size() + 1);
  if (random_.chance(0.3)) keep = 0;
  for (; dir.pending.size() > keep; dir.pending.pop_back()) {
    ++stats_.undone_changes;
    for (auto& [name, entry] : dir.pending.back().before) {
      if (entry) dir.entries.insert_or_assign(name, *entry);
      else dir.entries.erase(name);
    }
  }
  dir.pending.clear();
  for (auto& [name, entry] : dir.entries) {
    if (entry.dir) forget_names(*entry.dir);
    else tear(*entry.file);
  }
}

void Disk::tear(FileNode& file) {
  base::Bytes& content = file.content;
  if (file.cut_off && random_.chance(0.5)) {
    stats_.lost_bytes += content.size() - file.durable;
    content.resize(file.durable);
    base::append(content, *file.cut_off);
  } else if (content.size() > file.durable) {
    const std::size_t unsynced = content.size() - file.durable;
    std::size_t kept = random_.below(unsynced + 1);
    if (random_.chance(0.25)) kept = 0;
    else if (random_.chance(0.2)) kept = unsynced;
    const std::size_t rest = unsynced - kept;
    stats_.lost_bytes += rest;
    content.resize(file.durable + kept);
    if (random_.chance(0.25)) {
      const bool zeros = random_.chance(0.5);
      for (std::size_t n = random_.below(rest + 1); n > 0; --n)
        content.push_back(zeros ? std::uint8_t{0} : static_cast<std::uint8_t>(random_.next()));
    }
  }
  for (const auto& [first, last] : file.doubtful) {
    const std::size_t end = std::min(last, content.size());
    if (first >= end || random_.chance(0.4)) continue;
    const std::size_t from = first + random_.below(end - first);
    std::fill(content.begin() + static_cast<std::ptrdiff_t>(from),
              content.begin() + static_cast<std::ptrdiff_t>(end), std::uint8_t{0});
    stats_.lost_bytes += end - from;
  }
  file.cut_off.reset();
  file.doubtful.clear();
  file.durable = content.size();
}

void Disk::recount() {
  used_ = 0;
  for (const std::string& path : files()) {
    const auto file = find_file(path);
    file->linked = true;
    used_ += file->content.size();
  }
}

}  // namespace selvedge::os::fake
