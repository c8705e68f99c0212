// RootTree: a folder as a root of its own, in which an image is unpacked.
//
// Every path is below it, with or without a slash first, and links that are met on the way lead to what they name within it,
// never out of it (openat2(2), RESOLVE_IN_ROOT: Linux 5.6). Nothing is synced. Blocks: one thread at a time.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "os/fd.h"

namespace selvedge::os {

class RootTree {
 public:
  static base::Result<std::unique_ptr<RootTree>> open(const std::string& folder);

  // Each replaces what is there by that name, but for folders, of which what is there stays.
  base::Result<void> make_folder(std::string_view path);           // with those above, for everybody to see
  base::Result<Fd> make_file(std::string_view path, bool program); // to be written
  base::Result<void> link(std::string_view path, std::string_view target);
  base::Result<void> hard_link(std::string_view path, std::string_view existing);
  base::Result<void> remove(std::string_view path);                // with what is in it; well if it is not there
  base::Result<void> clear(std::string_view folder);               // what is in it

 private:
  struct Place {
    Fd folder;
    std::string name;
  };
  explicit RootTree(Fd root, std::string path) : root_(std::move(root)), path_(std::move(path)) {}
  base::Result<Fd> folder(std::string_view path, bool make);
  base::Result<Place> place(std::string_view path, bool make);
  base::Result<void> remove_at(int folder, const std::string& name, int depth);

  Fd root_;
  std::string path_;
};

base::Result<void> write_all(const Fd& file, base::BytesView bytes);

}  // namespace selvedge::os
