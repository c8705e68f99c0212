// Disk: a machine's disk, which outlives its crashes and loses what was not synced.
//
// In a power cut an unsynced append survives as a prefix cut anywhere, now and then followed by
// zeros or garbage; of the unsynced creations, renames and removals of a directory the first few
// survive, the later ones are undone; an unsynced truncate may be undone too. What was synced
// always survives. As POSIX has it, syncing a file does not make its name durable: that takes a
// sync of the directory. (Directories made by World::directory are durable at once, because their
// parents cannot be synced through it.)
//
// After a failed sync the bytes it should have made durable stay doubtful for ever, even if a later
// sync succeeds, which is what Linux does.
//
// When full, an append writes what fits and returns Code::exhausted.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "os/fake/random.h"
#include "os/files.h"

namespace selvedge::os::fake {

class Kernel;
class Life;
struct DirNode;
struct FileNode;

struct DiskModel {
  std::uint64_t capacity = 1ULL << 40;
  // What a sync costs inside a job of Loop::work: between half and twice this, and the time to
  // write the bytes. Called on the loop itself it costs nothing but is counted.
  base::Duration sync_latency = std::chrono::milliseconds(2);
  std::uint64_t bytes_per_second = 200'000'000;
};

struct DiskStats {
  std::uint64_t changes = 0;         // appends, syncs, creations, renames, removals, truncates
  std::uint64_t appends = 0, appended_bytes = 0, reads = 0, read_bytes = 0;
  std::uint64_t syncs = 0, failed_syncs = 0, dir_syncs = 0;
  std::uint64_t syncs_on_loop = 0;   // outside Loop::work: they block the loop
  std::uint64_t lost_bytes = 0, undone_changes = 0;  // by power cuts
};

class Disk {
 public:
  Disk(Kernel& kernel, std::string machine, Random random);
  ~Disk();
  Disk(const Disk&) = delete;

  DiskModel model;                                // may be changed at any time

  const DiskStats& stats() const { return stats_; }
  std::uint64_t used() const { return used_; }
  std::uint64_t free_bytes() const { return used_ < model.capacity ? model.capacity - used_ : 0; }
  void fill_up() { model.capacity = used_; }      // leaves no room
  void fail_next_syncs(std::uint32_t count) { failing_syncs_ = count; }
  // The next appends write a part and fail with an input/output error.
  void fail_next_appends(std::uint32_t count) { failing_appends_ = count; }
  void fail_next_reads(std::uint32_t count) { failing_reads_ = count; }

  // Looking at the disk, and damaging it, from outside: paths from the root, "var/lib/x/file".
  std::vector<std::string> files() const;
  base::Result<base::Bytes> contents(std::string_view path) const;
  base::Result<void> flip_bits(std::string_view path, std::uint64_t offset, std::uint8_t mask);

 private:
  friend class Machine;
  friend class Life;
  friend class FakeDir;
  friend class FakeFile;

  // How the change that is about to be made ends, if a crash is due in it.
  enum class Fate : std::uint8_t { whole, crash_before, crash_within, crash_after };

  base::Result<std::unique_ptr<Dir>> open_dir(Life& life, std::string_view path, bool create);
  std::shared_ptr<FileNode> find_file(std::string_view path) const;
  void power_cut();
  void forget_names(DirNode& dir);
  void tear(FileNode& file);
  void recount();

  Fate next_fate();
  // Runs `whole`, or `part` and a crash, as fate has it.
  base::Result<void> change(Life& life, const std::function<base::Result<void>()>& whole,
                            const std::function<void()>& part);
  void charge_sync(std::uint64_t bytes);
  bool in_job_ = false;
  base::Duration job_cost_{};

  std::uint64_t crash_countdown_ = 0;
  std::function<void()> crash_;

  Kernel& kernel_;
  std::string machine_;
  Random random_;
  std::shared_ptr<DirNode> root_;
  DiskStats stats_;
  std::uint64_t used_ = 0;
  std::uint32_t failing_syncs_ = 0, failing_appends_ = 0, failing_reads_ = 0;
};

}  // namespace selvedge::os::fake
