#include "os/fake/disk_handles.h"

#include <algorithm>
#include <cerrno>

#include "os/fake/kernel.h"
#include "os/fake/life.h"

namespace selvedge::os::fake {
namespace {

std::unexpected<base::Error> system_failure(std::string_view step, int error) {
  return std::unexpected(base::system_error(step, error));
}

}  // namespace

// ---- files

void FakeFile::take_room(std::size_t bytes) {
  if (node_->linked) disk_.used_ += bytes;
}

base::Result<void> FakeFile::append_now(base::BytesView bytes) {
  const std::string step = "append to " + path_;
  std::size_t fits = std::min<std::size_t>(bytes.size(), disk_.free_bytes());
  const bool breaks = disk_.failing_appends_ > 0;
  if (breaks) {
    --disk_.failing_appends_;
    fits = std::min<std::size_t>(fits, disk_.random_.below(bytes.size() + 1));
  }
  base::append(node_->content, bytes.first(fits));
  take_room(fits);
  disk_.stats_.appended_bytes += fits;
  if (breaks) return system_failure(step, EIO);
  if (fits < bytes.size()) return system_failure(step, ENOSPC);
  return {};
}

base::Result<void> FakeFile::append(base::BytesView bytes) {
  if (!life_.alive()) return life_.down("append to " + path_);
  ++disk_.stats_.appends;
  // Not what is written: keys and signatures are truly random, here as in the real world.
  disk_.kernel_.note("append", bytes.size(), 0);
  return disk_.change(
      life_, [&] { return append_now(bytes); },
      [&] {
        base::ignore(append_now(bytes.first(disk_.random_.below(bytes.size() + 1))),
                     "the machine dies in this write");
      });
}

base::Result<void> FakeFile::read(std::uint64_t offset, std::size_t count, base::Bytes& into) {
  if (!life_.alive()) return life_.down("read " + path_);
  if (disk_.failing_reads_ > 0) {
    --disk_.failing_reads_;
    return system_failure("read " + path_, EIO);
  }
  const base::Bytes& content = node_->content;
  const std::size_t from = std::min<std::uint64_t>(offset, content.size());
  const std::size_t n = std::min(count, content.size() - from);
  ++disk_.stats_.reads;
  disk_.stats_.read_bytes += n;
  const base::BytesView part = base::BytesView(content).subspan(from, n);
  into.assign(part.begin(), part.end());
  return {};
}

base::Result<void> FakeFile::sync_now() {
  disk_.charge_sync(node_->content.size() - node_->durable);
  if (disk_.failing_syncs_ > 0) {
    --disk_.failing_syncs_;
    ++disk_.stats_.failed_syncs;
    node_->doubtful.emplace_back(node_->durable, node_->content.size());
    return system_failure("sync " + path_, EIO);
  }
  node_->durable = node_->content.size();
  node_->cut_off.reset();
  return {};
}

base::Result<void> FakeFile::sync() {
  if (!life_.alive()) return life_.down("sync " + path_);
  ++disk_.stats_.syncs;
  return disk_.change(
      life_, [&] { return sync_now(); },
      [&] {
        // Some of it has reached the disk.
        if (!node_->cut_off)
          node_->durable += disk_.random_.below(node_->content.size() - node_->durable + 1);
      });
}

base::Result<void> FakeFile::truncate_now(std::size_t size) {
  base::Bytes& content = node_->content;
  if (size > content.size()) {
    const std::size_t more = size - content.size();
    if (more > disk_.free_bytes()) return system_failure("truncate " + path_, ENOSPC);
    content.resize(size);
    take_room(more);
    return {};
  }
  if (size < node_->durable) {
    const auto from = content.begin() + static_cast<std::ptrdiff_t>(size);
    const auto to = content.begin() + static_cast<std::ptrdiff_t>(node_->durable);
    base::Bytes tail(from, to);
    if (node_->cut_off) base::append(tail, *node_->cut_off);
    node_->cut_off = std::move(tail);
    node_->durable = size;
  }
  if (node_->linked) disk_.used_ -= content.size() - size;
  content.resize(size);
  for (auto& [first, last] : node_->doubtful) {
    first = std::min(first, size);
    last = std::min(last, size);
  }
  return {};
}

base::Result<void> FakeFile::truncate(std::uint64_t size) {
  if (!life_.alive()) return life_.down("truncate " + path_);
  return disk_.change(life_, [&] { return truncate_now(size); }, [] {});
}

base::Result<std::uint64_t> FakeFile::size() {
  if (!life_.alive()) return life_.down("ask the size of " + path_);
  return node_->content.size();
}

// ---- directories

std::string FakeDir::at(std::string_view step, std::string_view name) const {
  return std::string(step) + " " + path_ + "/" + std::string(name.substr(0, 255));
}

base::Result<void> FakeDir::check(std::string_view step, std::string_view name) const {
  if (!life_.alive()) return life_.down(at(step, name));
  if (name.empty() || name == "." || name == ".." || name.size() > 255 ||
      name.find('/') != name.npos || name.find('\0') != name.npos)
    return base::fail(base::Code::invalid_input, at(step, name) + ": not the name of a file");
  return {};
}

// Puts a new entry in; the caller has seen that there is none.
base::Result<void> FakeDir::make(std::string_view name, Entry entry) {
  const auto put = [&]() -> base::Result<void> {
    if (disk_.free_bytes() == 0) return system_failure(at("create", name), ENOSPC);
    if (entry.file) entry.file->linked = true;
    node_->entries.emplace(std::string(name), entry);
    node_->pending.push_back(NameChange{{{std::string(name), std::nullopt}}});
    return {};
  };
  return disk_.change(life_, put, [] {});
}

void FakeDir::unlink(const Entry& entry) {
  if (!entry.file) return;
  entry.file->linked = false;
  disk_.used_ -= entry.file->content.size();
}

base::Result<std::unique_ptr<File>> FakeDir::open(std::string_view name, Open how) {
  TRY(check("open", name));
  auto found = node_->entries.find(name);
  if (found == node_->entries.end()) {
    if (how == Open::existing) return system_failure(at("open", name), ENOENT);
    TRY(make(name, Entry{std::make_shared<FileNode>(), nullptr}));
    found = node_->entries.find(name);
  }
  if (!found->second.file) return system_failure(at("open", name), EISDIR);
  return std::make_unique<FakeFile>(disk_, life_, found->second.file,
                                    path_ + "/" + std::string(name));
}

base::Result<std::unique_ptr<Dir>> FakeDir::subdir(std::string_view name) {
  TRY(check("open directory", name));
  auto found = node_->entries.find(name);
  if (found == node_->entries.end()) {
    TRY(make(name, Entry{nullptr, std::make_shared<DirNode>()}));
    found = node_->entries.find(name);
  }
  if (!found->second.dir) return system_failure(at("open directory", name), ENOTDIR);
  return std::make_unique<FakeDir>(disk_, life_, found->second.dir,
                                   path_ + "/" + std::string(name));
}

base::Result<std::vector<std::string>> FakeDir::list() {
  if (!life_.alive()) return life_.down("list " + path_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : node_->entries)
    if (entry.file) names.push_back(name);
  return names;
}

base::Result<std::vector<std::string>> FakeDir::folders() {
  if (!life_.alive()) return life_.down("list " + path_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : node_->entries)
    if (entry.dir) names.push_back(name);
  return names;
}

void FakeDir::unlink_all(const DirNode& dir) {
  for (const auto& [name, entry] : dir.entries) {
    unlink(entry);
    if (entry.dir) unlink_all(*entry.dir);
  }
}

// One change, where a real disk makes one for each file.
base::Result<void> FakeDir::remove_folder(std::string_view name) {
  TRY(check("remove folder", name));
  const auto found = node_->entries.find(name);
  if (found == node_->entries.end()) return {};
  if (!found->second.dir) return system_failure(at("remove folder", name), ENOTDIR);
  return disk_.change(
      life_,
      [&]() -> base::Result<void> {
        node_->pending.push_back(NameChange{{{found->first, found->second}}});
        unlink_all(*found->second.dir);
        node_->entries.erase(found);
        return {};
      },
      [] {});
}

base::Result<void> FakeDir::remove(std::string_view name) {
  TRY(check("remove", name));
  const auto found = node_->entries.find(name);
  if (found == node_->entries.end()) return system_failure(at("remove", name), ENOENT);
  if (!found->second.file) return system_failure(at("remove", name), EISDIR);
  return disk_.change(
      life_,
      [&]() -> base::Result<void> {
        node_->pending.push_back(NameChange{{{found->first, found->second}}});
        unlink(found->second);
        node_->entries.erase(found);
        return {};
      },
      [] {});
}

base::Result<void> FakeDir::rename(std::string_view from, std::string_view to) {
  TRY(check("rename", from));
  TRY(check("rename to", to));
  const auto source = node_->entries.find(from);
  if (source == node_->entries.end()) return system_failure(at("rename", from), ENOENT);
  const auto target = node_->entries.find(to);
  if (target != node_->entries.end() && !target->second.file)
    return system_failure(at("rename to", to), EISDIR);
  return disk_.change(
      life_,
      [&]() -> base::Result<void> {
        if (source == target) return {};
        NameChange undo;
        undo.before.emplace_back(source->first, source->second);
        undo.before.emplace_back(std::string(to), std::nullopt);
        if (target != node_->entries.end()) {
          undo.before.back().second = target->second;
          unlink(target->second);
        }
        const Entry moved = source->second;
        node_->entries.erase(source);
        node_->entries.insert_or_assign(std::string(to), moved);
        node_->pending.push_back(std::move(undo));
        return {};
      },
      [] {});
}

base::Result<void> FakeDir::rename_new(std::string_view from, std::string_view to) {
  TRY(check("rename to", to));
  if (node_->entries.contains(to)) return system_failure(at("rename to new", to), EEXIST);
  return rename(from, to);
}

// A fake machine has one user.
base::Result<bool> FakeDir::is_private(std::string_view name) {
  TRY(check("look at", name));
  if (!node_->entries.contains(name)) return system_failure(at("look at", name), ENOENT);
  return true;
}

base::Result<void> FakeDir::sync() {
  if (!life_.alive()) return life_.down("sync " + path_);
  ++disk_.stats_.dir_syncs;
  return disk_.change(
      life_,
      [&]() -> base::Result<void> {
        disk_.charge_sync(0);
        if (disk_.failing_syncs_ > 0) {
          --disk_.failing_syncs_;
          ++disk_.stats_.failed_syncs;
          return system_failure("sync " + path_, EIO);
        }
        node_->pending.clear();
        return {};
      },
      [&] {
        // The first few of the changes have reached the disk.
        const std::size_t done = disk_.random_.below(node_->pending.size() + 1);
        node_->pending.erase(node_->pending.begin(),
                             node_->pending.begin() + static_cast<std::ptrdiff_t>(done));
      });
}

base::Result<std::uint64_t> FakeDir::free_bytes() {
  if (!life_.alive()) return life_.down("ask for free space in " + path_);
  return disk_.free_bytes();
}

}  // namespace selvedge::os::fake
