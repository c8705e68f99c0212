// FakeFile and FakeDir: open files and directories of one life of a machine. Private to os/fake.

#pragma once

#include <memory>
#include <string>

#include "os/fake/disk.h"
#include "os/fake/disk_nodes.h"
#include "os/files.h"

namespace selvedge::os::fake {

class FakeFile final : public File {
 public:
  FakeFile(Disk& disk, Life& life, std::shared_ptr<FileNode> node, std::string path)
      : disk_(disk), life_(life), node_(std::move(node)), path_(std::move(path)) {}

  base::Result<void> append(base::BytesView bytes) override;
  base::Result<void> read(std::uint64_t offset, std::size_t count, base::Bytes& into) override;
  base::Result<void> sync() override;
  base::Result<void> truncate(std::uint64_t size) override;
  base::Result<std::uint64_t> size() override;
  void reserve(std::uint64_t) override {}

 private:
  base::Result<void> append_now(base::BytesView bytes);
  base::Result<void> sync_now();
  base::Result<void> truncate_now(std::size_t size);
  void take_room(std::size_t bytes);

  Disk& disk_;
  Life& life_;
  std::shared_ptr<FileNode> node_;
  std::string path_;
};

class FakeDir final : public Dir {
 public:
  FakeDir(Disk& disk, Life& life, std::shared_ptr<DirNode> node, std::string path)
      : disk_(disk), life_(life), node_(std::move(node)), path_(std::move(path)) {}

  base::Result<std::unique_ptr<File>> open(std::string_view name, Open how) override;
  base::Result<std::unique_ptr<Dir>> subdir(std::string_view name) override;
  base::Result<std::unique_ptr<Dir>> public_subdir(std::string_view name) override { return subdir(name); }
  base::Result<std::vector<std::string>> list() override;
  base::Result<std::vector<std::string>> folders() override;
  base::Result<void> remove_folder(std::string_view name) override;
  base::Result<void> remove(std::string_view name) override;
  base::Result<void> rename(std::string_view from, std::string_view to) override;
  base::Result<void> rename_new(std::string_view from, std::string_view to) override;
  base::Result<bool> is_private(std::string_view name) override;
  base::Result<void> sync() override;
  base::Result<std::uint64_t> free_bytes() override;
  std::string path() const override { return path_; }

 private:
  base::Result<void> check(std::string_view step, std::string_view name) const;
  base::Result<void> make(std::string_view name, Entry entry);
  void unlink(const Entry& entry);
  void unlink_all(const DirNode& dir);
  std::string at(std::string_view step, std::string_view name) const;

  Disk& disk_;
  Life& life_;
  std::shared_ptr<DirNode> node_;
  std::string path_;
};

}  // namespace selvedge::os::fake
