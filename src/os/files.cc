#include "os/files.h"

#include <unistd.h>

namespace selvedge::os {
namespace {

std::string step(std::string_view what, const Dir& dir, std::string_view name) {
  return std::string(what) + ' ' + dir.path() + '/' + std::string(name);
}

base::Result<void> write_new(Dir& dir, const std::string& name, base::BytesView bytes, Open how) {
  const std::unique_ptr<File> file = TRY(dir.open(name, how));
  TRY(file->append(bytes));
  return file->sync();
}

base::Result<void> write_temporary(Dir& dir, const std::string& temporary, base::BytesView bytes,
                                   Open how) {
  // One left over from a crash may have other contents and other permissions.
  const base::Result<void> gone = dir.remove(temporary);
  if (!gone && gone.error().code != base::Code::not_found) return gone;
  const base::Result<void> written = write_new(dir, temporary, bytes, how);
  if (!written) base::ignore(dir.remove(temporary), "the next write removes it too");
  return written;
}

base::Result<void> replace(Dir& dir, std::string_view name, base::BytesView bytes, Open how) {
  const std::string temporary = std::string(name) + ".tmp";
  TRY(write_temporary(dir, temporary, bytes, how));
  TRY(dir.rename(temporary, name));
  return dir.sync();
}

base::Result<void> create(Dir& dir, std::string_view name, base::BytesView bytes, Open how) {
  // Another process may be at it too, so the temporary is this one's own.
  const std::string temporary = std::string(name) + "." + std::to_string(::getpid()) + ".tmp";
  TRY(write_temporary(dir, temporary, bytes, how));
  if (const auto moved = dir.rename_new(temporary, name); !moved) {
    base::ignore(dir.remove(temporary), "a file nobody reads");
    return moved;
  }
  return dir.sync();
}

}  // namespace

base::Result<base::Bytes> read_file(Dir& dir, std::string_view name, std::uint64_t limit) {
  const std::unique_ptr<File> file = TRY(dir.open(name, Open::existing));
  const std::uint64_t size = TRY(file->size());
  if (size > limit)
    return base::fail(base::Code::exhausted, step("read", dir, name) + ": it has " +
                                                 std::to_string(size) + " bytes, more than the " +
                                                 std::to_string(limit) + " allowed");
  base::Bytes bytes;
  TRY(file->read(0, static_cast<std::size_t>(size), bytes));
  return bytes;
}

base::Result<void> write_file(Dir& dir, std::string_view name, base::BytesView bytes, Open how) {
  if (how == Open::existing) how = Open::create;
  return base::while_doing(step("replace", dir, name), replace(dir, name, bytes, how));
}

base::Result<void> create_file(Dir& dir, std::string_view name, base::BytesView bytes, Open how) {
  if (how == Open::existing) how = Open::create;
  return base::while_doing(step("create", dir, name), create(dir, name, bytes, how));
}

}  // namespace selvedge::os
