// Files: directories and files, as narrow as a log-structured store needs them.
//
// Calls block; long ones belong into Loop::work. A File may be used from one thread at a time. The
// fake in os/fake keeps what was synced and may tear or drop what was not.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::os {

class File {
 public:
  virtual ~File() = default;

  // Appends at the end. After an error an unknown part of `bytes` may have been written.
  // Code::exhausted when the disk is full.
  virtual base::Result<void> append(base::BytesView bytes) = 0;
  // Reads `count` bytes at `offset` into `into` (resized); fewer only at the end of the file.
  virtual base::Result<void> read(std::uint64_t offset, std::size_t count, base::Bytes& into) = 0;
  // Makes everything appended so far durable (fdatasync). After an error from sync nothing that
  // was appended since the last good sync may be taken as durable, now or by a later sync.
  virtual base::Result<void> sync() = 0;
  virtual base::Result<void> truncate(std::uint64_t size) = 0;
  virtual base::Result<std::uint64_t> size() = 0;
  // Asks for room up to `size` bytes without changing the file's size; a hint, may do nothing.
  virtual void reserve(std::uint64_t size) = 0;
};

// private: mode 0600. program: anybody may read and run it (0755).
enum class Open : std::uint8_t { existing, create, create_private, create_program };

class Dir {
 public:
  virtual ~Dir() = default;

  // `name` is one path component; anything else is Code::invalid_input.
  virtual base::Result<std::unique_ptr<File>> open(std::string_view name, Open how) = 0;
  virtual base::Result<std::unique_ptr<Dir>> subdir(std::string_view name) = 0;  // makes it
  virtual base::Result<std::vector<std::string>> list() = 0;                     // files, sorted
  virtual base::Result<void> remove(std::string_view name) = 0;  // not_found if it is not there
  virtual base::Result<void> rename(std::string_view from, std::string_view to) = 0;
  // The same, but Code::conflict if `to` is there already: of two who try, one wins.
  virtual base::Result<void> rename_new(std::string_view from, std::string_view to) = 0;
  // False if others than the file's owner may read or write it.
  virtual base::Result<bool> is_private(std::string_view name) = 0;
  // Makes creations, renames and removals in this directory durable.
  virtual base::Result<void> sync() = 0;
  virtual base::Result<std::uint64_t> free_bytes() = 0;
  virtual std::string path() const = 0;  // for messages, and for libraries that open by path

  // ---- for folders of programs ----
  virtual base::Result<std::unique_ptr<Dir>> public_subdir(std::string_view name) = 0;   // others may look into it (0755)
  virtual base::Result<std::vector<std::string>> folders() = 0;                  // sorted; no links
  // Removes a folder with all that is in it and follows no link; well if it is not there.
  virtual base::Result<void> remove_folder(std::string_view name) = 0;
};

// The whole of a small file. Code::exhausted if it is larger than `limit`.
base::Result<base::Bytes> read_file(Dir& dir, std::string_view name, std::uint64_t limit);
// Replaces a file so that a crash leaves the old or the new one, never a mix: writes a temporary,
// syncs it, renames it, syncs the directory.
base::Result<void> write_file(Dir& dir, std::string_view name, base::BytesView bytes,
                              Open how = Open::create);
// Makes a file that is there whole or not at all; Code::conflict if it is there already. Of several
// processes that try at once exactly one succeeds, and the others then read what it wrote.
base::Result<void> create_file(Dir& dir, std::string_view name, base::BytesView bytes,
                               Open how = Open::create);

}  // namespace selvedge::os
