#include "os/root_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/text.h"

namespace selvedge::os {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t most_path = 4'000, most_part = 255;
constexpr int most_depth = 200;
constexpr mode_t folder_mode = 0755, file_mode = 0644, program_mode = 0755;

int open_in(int root, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  long opened = -1;
  do {
    opened = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
  } while (opened < 0 && (errno == EINTR || errno == EAGAIN));
  return static_cast<int>(opened);
}

// Its parts; ".." and what is no name of a file is refused.
Result<std::vector<std::string>> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  const std::string step = "unpack '" + base::printable(path, 200) + "'";
  if (path.size() > most_path) return fail(Code::invalid_input, step + ": the path is too long");
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.size() > most_part || part.contains('\0'))
      return fail(Code::invalid_input, step + ": that is no clean path");
    parts.emplace_back(part);
  }
  return parts;
}

std::unexpected<base::Error> failed(std::string_view doing, std::string_view path) {
  return std::unexpected(base::system_error(std::string(doing) + " '" + base::printable(path, 200) + "'", errno));
}

}  // namespace

Result<std::unique_ptr<RootTree>> RootTree::open(const std::string& folder) {
  if (::mkdir(folder.c_str(), folder_mode) != 0 && errno != EEXIST) return failed("make folder", folder);
  Fd root(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root) return failed("open folder", folder);
  // Where the kernel has no openat2 this says so.
  const Fd probe(open_in(root.value(), ".", O_PATH | O_DIRECTORY));
  if (!probe) return failed("open folder within", folder);
  ::fchmod(root.value(), folder_mode);             // whatever the umask
  return std::unique_ptr<RootTree>(new RootTree(std::move(root), folder));
}

Result<Fd> RootTree::folder(std::string_view path, bool make) {
  Fd at(::fcntl(root_.value(), F_DUPFD_CLOEXEC, 0));
  if (!at) return failed("open folder", path_);
  std::string here = ".";
  for (const std::string& part : TRY(parts_of(path))) {
    const std::string above = here;
    here += "/" + part;
    // From the root each time, so that a link to "../x" or "/x" is followed within it.
    Fd next(open_in(root_.value(), here, O_RDONLY | O_DIRECTORY));
    if (!next && make && (errno == ENOENT || errno == ENOTDIR)) {
      // A file, or a link to nothing, gives way.
      if (::unlinkat(at.value(), part.c_str(), 0) != 0 && errno != ENOENT) return failed("make folder", here);
      if (::mkdirat(at.value(), part.c_str(), folder_mode) != 0) return failed("make folder", here);
      next.reset(open_in(root_.value(), here, O_RDONLY | O_DIRECTORY));
      if (next) ::fchmod(next.value(), folder_mode);
    }
    if (!next) return failed("open folder", here);
    at = std::move(next);
  }
  return at;
}

Result<RootTree::Place> RootTree::place(std::string_view path, bool make) {
  auto parts = TRY(parts_of(path));
  if (parts.empty()) return fail(Code::invalid_input, "unpack '" + base::printable(path, 200) + "': it is the root itself");
  Place found;
  found.name = std::move(parts.back());
  parts.pop_back();
  std::string above;
  for (const std::string& part : parts) above += "/" + part;
  found.folder = TRY(folder(above, make));
  return found;
}

Result<void> RootTree::make_folder(std::string_view path) {
  TRY(folder(path, true));
  return {};
}

Result<Fd> RootTree::make_file(std::string_view path, bool program) {
  const Place at = TRY(place(path, true));
  TRY(remove_at(at.folder.value(), at.name, 0));
  const mode_t mode = program ? program_mode : file_mode;
  Fd file(::openat(at.folder.value(), at.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file || ::fchmod(file.value(), mode) != 0) return failed("make file", path);
  return file;
}

Result<void> RootTree::link(std::string_view path, std::string_view target) {
  if (target.empty() || target.size() > most_path || target.contains('\0'))
    return fail(Code::invalid_input, "unpack '" + base::printable(path, 200) + "': it links to nothing");
  const Place at = TRY(place(path, true));
  TRY(remove_at(at.folder.value(), at.name, 0));
  if (::symlinkat(std::string(target).c_str(), at.folder.value(), at.name.c_str()) != 0) return failed("link", path);
  return {};
}

Result<void> RootTree::hard_link(std::string_view path, std::string_view existing) {
  const Place from = TRY(place(existing, false));
  const Place to = TRY(place(path, true));
  struct stat found {}, there {};
  if (::fstatat(from.folder.value(), from.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return failed("link to", existing);
  if (!S_ISREG(found.st_mode) && !S_ISLNK(found.st_mode))
    return fail(Code::invalid_input, "unpack '" + base::printable(path, 200) + "': it links to what is no file");
  if (::fstatat(to.folder.value(), to.name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 && there.st_ino == found.st_ino) return {};
  TRY(remove_at(to.folder.value(), to.name, 0));
  if (::linkat(from.folder.value(), from.name.c_str(), to.folder.value(), to.name.c_str(), 0) != 0) return failed("link", path);
  return {};
}

Result<void> RootTree::remove(std::string_view path) {
  const auto at = place(path, false);
  if (!at && at.error().code == Code::not_found) return {};
  if (!at) return std::unexpected(at.error());
  return remove_at(at->folder.value(), at->name, 0);
}

Result<void> RootTree::clear(std::string_view path) {
  const auto at = folder(path, false);
  if (!at && at.error().code == Code::not_found) return {};
  if (!at) return std::unexpected(at.error());
  const int copy = ::fcntl(at->value(), F_DUPFD_CLOEXEC, 0);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy < 0 ? nullptr : ::fdopendir(copy), ::closedir);
  if (!entries) return failed("read folder", path);
  std::vector<std::string> names;
  while (const dirent* const entry = ::readdir(entries.get())) {
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
  }
  for (const std::string& name : names) TRY(remove_at(at->value(), name, 0));
  return {};
}

// Follows no link.
Result<void> RootTree::remove_at(int folder, const std::string& name, int depth) {
  if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return failed("remove", name);
  if (depth >= most_depth) return fail(Code::exhausted, "remove '" + base::printable(name, 200) + "': it lies too deep");
  {
    const Fd below(::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!below) return failed("remove", name);
    const int copy = ::fcntl(below.value(), F_DUPFD_CLOEXEC, 0);
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy < 0 ? nullptr : ::fdopendir(copy), ::closedir);
    if (!entries) return failed("remove", name);
    std::vector<std::string> names;
    while (const dirent* const entry = ::readdir(entries.get())) {
      const std::string_view its(entry->d_name);
      if (its != "." && its != "..") names.emplace_back(its);
    }
    for (const std::string& one : names) TRY(remove_at(below.value(), one, depth + 1));
  }
  if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0) return failed("remove", name);
  return {};
}

Result<void> write_all(const Fd& file, base::BytesView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file.value(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return std::unexpected(base::system_error("write", errno));
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace selvedge::os
