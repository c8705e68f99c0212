// What a fake disk is made of: files and directories, each with what of it is durable. Private.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace selvedge::os::fake {

struct FileNode {
  base::Bytes content;
  std::size_t durable = 0;             // this many bytes survive a power cut
  // Durable bytes cut off by a truncate that was not synced; they follow the first `durable`.
  std::optional<base::Bytes> cut_off;
  // Bytes of a sync that failed: [first, second).
  std::vector<std::pair<std::size_t, std::size_t>> doubtful;
  bool linked = false;
};

struct DirNode;

struct Entry {
  std::shared_ptr<FileNode> file;      // one of the two
  std::shared_ptr<DirNode> dir;
};

// A change of names that is not durable: what was there before, to undo it.
struct NameChange {
  std::vector<std::pair<std::string, std::optional<Entry>>> before;
};

struct DirNode {
  std::map<std::string, Entry, std::less<>> entries;
  std::vector<NameChange> pending;
};

}  // namespace selvedge::os::fake
