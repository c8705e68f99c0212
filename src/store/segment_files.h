// SegmentFiles: the durable part of a segment log: which files there are, and reading them.
//
// Reading opens files by itself and keeps a few handles; a handle sees a file as long as it was when
// it was opened, so it is opened again when the file has grown.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/files.h"
#include "store/segment_log.h"

namespace selvedge::store {

class SegmentFiles {
 public:
  struct Piece {                 // one file
    Position start;              // of its first record
    std::uint64_t bytes = 0;     // of its durable records
    bool damaged = false;        // known; its loss has been counted

    Position end() const { return {start.value + bytes}; }
  };

  // `group_bytes`: as much as may have been under way when the log stopped.
  SegmentFiles(std::shared_ptr<os::Dir> dir, std::uint64_t record_bytes, std::uint64_t group_bytes)
      : dir_(std::move(dir)), record_bytes_(record_bytes), group_bytes_(group_bytes) {}

  // Finds the files, checks the last one, cuts off its torn tail and makes the rest durable. Yields
  // the number of bytes cut.
  base::Result<std::uint64_t> load();

  const std::vector<Piece>& pieces() const { return pieces_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t segments() const;
  std::uint64_t damaged_bytes() const { return damaged_bytes_; }

  // `bytes` more are durable in the file that starts at `start`, which may be a new one.
  void grow(Position start, std::uint64_t bytes);
  // Forgets the files of a segment and yields their names, for removal.
  std::vector<std::string> take(std::uint32_t segment);

  base::Result<std::uint8_t> read(Position at, base::Bytes& payload);
  // As SegmentLog::scan, over everything that is durable. `visit` may read, and not change the log.
  using Visit = std::function<base::Result<bool>(const Record&)>;
  base::Result<Position> scan(Position from, const Visit& visit);

 private:
  struct Handle {
    Position start;
    std::uint64_t bytes = 0;     // of records, when it was opened
    std::unique_ptr<os::File> file;
    std::uint64_t used = 0;
  };

  const Piece* piece_of(Position at) const;
  base::Result<os::File*> handle(const Piece& piece);
  base::Result<std::uint64_t> check_last();
  base::Result<void> rewrite_tail(os::File& file, Position cut);
  // Visits records of one piece; `at` moves on. False if `visit` said so.
  base::Result<bool> scan_piece(Piece& piece, Position& at, const Visit& visit);
  void count_damage(Piece& piece, Position at);

  std::shared_ptr<os::Dir> dir_;  // shared with jobs on the pool, which may outlive the log
  std::uint64_t record_bytes_;
  std::uint64_t group_bytes_;
  std::vector<Piece> pieces_;     // in order
  std::uint64_t bytes_ = 0;
  std::uint64_t damaged_bytes_ = 0;
  std::vector<Handle> handles_;
  std::uint64_t uses_ = 0;
  base::Bytes buffer_;
};

}  // namespace selvedge::store
