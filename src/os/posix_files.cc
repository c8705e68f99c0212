#include "os/posix_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>

#include "base/text.h"
#include "os/fd.h"

namespace selvedge::os {
namespace {

constexpr mode_t private_dir = 0700, parent_dir = 0755, private_file = 0600, public_file = 0644, program_file = 0755;

mode_t mode_of(Open how) {
  switch (how) {
    case Open::create_private: return private_file;
    case Open::create_program: return program_file;
    default: return public_file;
  }
}

// Calls `what` until no signal interrupts it.
template <typename Call>
auto uninterrupted(Call what) {
  decltype(what()) result = what();
  while (result < 0 && errno == EINTR) result = what();
  return result;
}

class PosixFile final : public File {
 public:
  PosixFile(Fd fd, std::string path, std::uint64_t end)
      : fd_(std::move(fd)), path_(std::move(path)), end_(end) {}

  base::Result<void> append(base::BytesView bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = uninterrupted(
          [&] { return ::pwrite(fd_.value(), bytes.data(), bytes.size(), offset(end_)); });
      if (count < 0) return failed("append to");
      end_ += static_cast<std::uint64_t>(count);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }

  base::Result<void> read(std::uint64_t at, std::size_t count, base::Bytes& into) override {
    into.resize(at < end_ ? static_cast<std::size_t>(std::min<std::uint64_t>(count, end_ - at))
                          : 0);
    std::size_t filled = 0;
    while (filled < into.size()) {
      const ssize_t got = uninterrupted([&] {
        return ::pread(fd_.value(), into.data() + filled, into.size() - filled,
                       offset(at + filled));
      });
      if (got < 0) return failed("read");
      if (got == 0) break;
      filled += static_cast<std::size_t>(got);
    }
    into.resize(filled);
    return {};
  }

  base::Result<void> sync() override {
    // The kernel reports a lost page once and then calls it clean, so a later success would lie.
    if (sync_failed_) return std::unexpected(*sync_failed_);
    if (uninterrupted([&] { return ::fdatasync(fd_.value()); }) == 0) return {};
    sync_failed_ = base::system_error("sync " + path_, errno);
    return std::unexpected(*sync_failed_);
  }

  base::Result<void> truncate(std::uint64_t size) override {
    if (uninterrupted([&] { return ::ftruncate(fd_.value(), offset(size)); }) != 0)
      return failed("truncate");
    end_ = size;
    return {};
  }

  base::Result<std::uint64_t> size() override { return end_; }

  void reserve(std::uint64_t size) override {
    if (size > end_)
      [[maybe_unused]] const int hint =
          ::fallocate(fd_.value(), FALLOC_FL_KEEP_SIZE, offset(end_), offset(size - end_));
  }

 private:
  static off_t offset(std::uint64_t value) { return static_cast<off_t>(value); }
  base::Result<void> failed(std::string_view step) const {
    const int error = errno;
    const auto code = error == EFBIG ? ENOSPC : error;  // a limit on file size is a full disk to us
    return std::unexpected(base::system_error(std::string(step) + ' ' + path_, code));
  }

  Fd fd_;
  std::string path_;
  std::uint64_t end_;
  std::optional<base::Error> sync_failed_;
};

class PosixDir final : public Dir {
 public:
  PosixDir(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  base::Result<std::unique_ptr<File>> open(std::string_view name, Open how) override {
    const std::string component = TRY(checked(name));
    const int create = how == Open::existing ? 0 : O_CREAT;
    Fd fd(uninterrupted([&] {
      return ::openat(fd_.value(), component.c_str(), O_RDWR | O_CLOEXEC | create, mode_of(how));
    }));
    // A file we may only read is still a file to read.
    if (!fd && how == Open::existing && (errno == EACCES || errno == EROFS || errno == EPERM))
      fd.reset(uninterrupted(
          [&] { return ::openat(fd_.value(), component.c_str(), O_RDONLY | O_CLOEXEC); }));
    if (!fd) return failed("open", component);
    struct stat about {};
    if (::fstat(fd.value(), &about) != 0) return failed("open", component);
    if (!S_ISREG(about.st_mode))
      return base::fail(base::Code::invalid_input,
                        "open " + path_ + '/' + component + ": not a regular file");
    return std::make_unique<PosixFile>(std::move(fd), path_ + '/' + component,
                                       static_cast<std::uint64_t>(about.st_size));
  }

  base::Result<std::unique_ptr<Dir>> subdir(std::string_view name) override { return make_and_open(name, private_dir); }
  base::Result<std::unique_ptr<Dir>> public_subdir(std::string_view name) override { return make_and_open(name, parent_dir); }

  base::Result<std::unique_ptr<Dir>> make_and_open(std::string_view name, mode_t mode) {
    const std::string component = TRY(checked(name));
    if (::mkdirat(fd_.value(), component.c_str(), mode) == 0) {
      TRY(sync());   // a synced file in a directory that a power cut takes away would be no use
    } else if (errno != EEXIST) {
      return failed("make directory", component);
    }
    Fd fd(uninterrupted([&] {
      return ::openat(fd_.value(), component.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }));
    if (!fd) return failed("open directory", component);
    return std::make_unique<PosixDir>(std::move(fd), path_ + '/' + component);
  }

  base::Result<std::vector<std::string>> list() override {
    return entries([this](const dirent& entry) { return is_file(entry); });
  }
  base::Result<std::vector<std::string>> folders() override {
    return entries([this](const dirent& entry) { return is_folder(entry); });
  }

  base::Result<std::vector<std::string>> entries(const std::function<bool(const dirent&)>& wanted) {
    // fdopendir takes its descriptor over, and a fresh one starts at the first entry.
    Fd fd(uninterrupted(
        [&] { return ::openat(fd_.value(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    DIR* const entries = fd ? ::fdopendir(fd.value()) : nullptr;
    if (entries == nullptr) return std::unexpected(base::system_error("list " + path_, errno));
    fd.release();
    const std::unique_ptr<DIR, int (*)(DIR*)> owner(entries, &::closedir);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* const entry = ::readdir(entries)) {
      if (wanted(*entry)) names.emplace_back(entry->d_name);
      errno = 0;
    }
    if (errno != 0) return std::unexpected(base::system_error("list " + path_, errno));
    std::sort(names.begin(), names.end());
    return names;
  }

  base::Result<void> remove(std::string_view name) override {
    const std::string component = TRY(checked(name));
    if (::unlinkat(fd_.value(), component.c_str(), 0) != 0) return failed("remove", component);
    return {};
  }

  base::Result<void> remove_folder(std::string_view name) override {
    const std::string component = TRY(checked(name));
    std::error_code why;
    std::filesystem::remove_all(std::filesystem::path(path_) / component, why);
    if (why) return std::unexpected(base::system_error("remove folder " + path_ + '/' + component, why.value()));
    return {};
  }

  base::Result<void> rename(std::string_view from, std::string_view to) override {
    const std::string before = TRY(checked(from));
    const std::string after = TRY(checked(to));
    if (::renameat(fd_.value(), before.c_str(), fd_.value(), after.c_str()) != 0)
      return failed("rename to " + after + ':', before);
    return {};
  }

  base::Result<void> rename_new(std::string_view from, std::string_view to) override {
    const std::string before = TRY(checked(from));
    const std::string after = TRY(checked(to));
    const int fd = fd_.value();
    if (::renameat2(fd, before.c_str(), fd, after.c_str(), RENAME_NOREPLACE) == 0) return {};
    // Not every file system knows that call; a second name for the file refuses an old one too.
    if (errno == EINVAL || errno == ENOSYS) {
      if (::linkat(fd, before.c_str(), fd, after.c_str(), 0) == 0)
        return remove(before);
    }
    return failed("rename to new " + after + ':', before);
  }

  base::Result<bool> is_private(std::string_view name) override {
    const std::string component = TRY(checked(name));
    struct stat about {};
    if (::fstatat(fd_.value(), component.c_str(), &about, 0) != 0)
      return failed("look at", component);
    return (about.st_mode & 077) == 0;
  }

  base::Result<void> sync() override {
    if (uninterrupted([&] { return ::fsync(fd_.value()); }) != 0)
      return std::unexpected(base::system_error("sync directory " + path_, errno));
    return {};
  }

  base::Result<std::uint64_t> free_bytes() override {
    struct statvfs about {};
    if (::fstatvfs(fd_.value(), &about) != 0)
      return std::unexpected(base::system_error("free space of " + path_, errno));
    return std::uint64_t{about.f_bavail} * about.f_frsize;
  }

  std::string path() const override { return path_; }

 private:
  base::Result<std::string> checked(std::string_view name) const {
    constexpr std::string_view not_in_a_name("/\0", 2);
    if (name.empty() || name == "." || name == ".." || name.size() > NAME_MAX ||
        name.find_first_of(not_in_a_name) != std::string_view::npos)
      return base::fail(base::Code::invalid_input,
                        "name '" + base::printable(name) + "' in " + path_ + ": not a file name");
    return std::string(name);
  }

  bool is_file(const dirent& entry) const {
    if (entry.d_type != DT_UNKNOWN && entry.d_type != DT_LNK) return entry.d_type == DT_REG;
    struct stat about {};
    return ::fstatat(fd_.value(), entry.d_name, &about, 0) == 0 && S_ISREG(about.st_mode);
  }

  bool is_folder(const dirent& entry) const {
    const std::string_view name = entry.d_name;
    if (name == "." || name == "..") return false;
    if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
    struct stat about {};
    return ::fstatat(fd_.value(), entry.d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(about.st_mode);
  }

  std::unexpected<base::Error> failed(const std::string& step, const std::string& name) const {
    const int error = errno;
    return std::unexpected(base::system_error(step + ' ' + path_ + '/' + name, error));
  }

  Fd fd_;
  std::string path_;
};

// Makes a new directory's name durable.
base::Result<void> sync_parent(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const Fd fd(uninterrupted(
      [&] { return ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd || ::fsync(fd.value()) != 0)
    return std::unexpected(base::system_error("sync directory " + parent, errno));
  return {};
}

base::Result<void> make_with_parents(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const bool last = end == std::string::npos;
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), last ? private_dir : parent_dir) == 0) {
      TRY(sync_parent(part));
    } else if (errno != EEXIST) {
      // A read-only parent that exists says so instead of EEXIST.
      const int error = errno;
      struct stat about {};
      if (::stat(part.c_str(), &about) != 0)
        return std::unexpected(base::system_error("make directory " + part, error));
    }
    if (last) return {};
  }
}

}  // namespace

base::Result<std::unique_ptr<Dir>> open_directory(std::string_view path, bool create) {
  std::string clean(path);
  while (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  if (clean.empty() || clean.find('\0') != std::string::npos)
    return base::fail(base::Code::invalid_input,
                      "open directory '" + base::printable(path) + "': not a path");
  if (create) TRY(make_with_parents(clean));
  Fd fd(uninterrupted(
      [&] { return ::open(clean.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd) return std::unexpected(base::system_error("open directory " + clean, errno));
  return std::make_unique<PosixDir>(std::move(fd), std::move(clean));
}

}  // namespace selvedge::os
