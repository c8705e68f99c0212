#include "store/segment_log.h"

#include <algorithm>

#include "base/log.h"
#include "store/group_writer.h"
#include "store/segment_files.h"
#include "store/segment_format.h"

namespace selvedge::store {
namespace {

using base::Code;
using format::file_header_bytes;
using format::record_header_bytes;

constexpr base::Duration free_check_pause = std::chrono::seconds(1);

LogLimits sane(LogLimits limits) {
  limits.total_bytes = std::max<std::uint64_t>(limits.total_bytes, 64 << 10);
  limits.segment_bytes = std::clamp<std::uint64_t>(limits.segment_bytes, 4096, 1ULL << 30);
  limits.segment_bytes = std::min(limits.segment_bytes, limits.total_bytes / 4);
  limits.record_bytes = std::min<std::uint64_t>(limits.record_bytes, 1ULL << 30);
  return limits;
}

class Log final : public SegmentLog {
 public:
  Log(std::unique_ptr<os::Dir> dir, os::Loop& loop, std::uint32_t lane, LogLimits limits)
      : dir_(std::move(dir)), loop_(loop), lane_(lane), limits_(sane(limits)),
        files_(dir_, limits_.record_bytes, limits_.pending_bytes + (1 << 20)),
        writer_(dir_, loop, lane, limits_.segment_bytes,
                {[this](Position start, std::uint64_t bytes) { files_.grow(start, bytes); },
                 [this](std::uint64_t bytes) { free_bytes_ = bytes; },
                 [this] { after_failure(); }}) {}

  base::Result<void> load(const Replay& replay) {
    stats_.torn_bytes = TRY(files_.load());
    std::uint32_t next = std::max(limits_.first_segment, 1u);
    if (!files_.pieces().empty())
      next = std::max(next, files_.pieces().back().start.segment() + 1);
    // Positions after the last durable record may have been handed out before a crash; a new
    // segment makes sure that none is used again.
    next_segment_ = next;
    writer_.set_last_durable({format::position(next, 0).value - 1});
    remove_empty();
    if (replay)
      TRY(files_.scan({}, [&](const Record& record) -> base::Result<bool> {
        TRY(replay(record));
        return true;
      }));
    return {};
  }

  base::Result<Position> append(std::uint8_t kind, base::BytesView payload) override {
    return append(kind, payload, {});
  }

  void set_limits(const LogLimits& limits) override {
    // Segments keep their size, so the whole must hold a few of them.
    limits_.total_bytes = std::max(limits.total_bytes, 4 * limits_.segment_bytes);
    limits_.keep_free_bytes = limits.keep_free_bytes;
    limits_.when_full = limits.when_full;
  }

  base::Result<Position> append(std::uint8_t kind, base::BytesView head,
                                base::BytesView tail) override {
    const std::uint64_t size = record_header_bytes + head.size() + tail.size();
    if (size - record_header_bytes > limits_.record_bytes)
      return base::fail(Code::invalid_input, "append to " + dir_->path() + ": a record of " +
                                                 std::to_string(size) + " bytes is too large");
    if (!in_header_) TRY(make_room(size));
    prepare(size - record_header_bytes);
    if (!in_header_) fresh_ = false;
    ++stats_.appended;
    return writer_.put(kind, head, tail);
  }

  void prepare(std::uint64_t payload_bytes) override {
    if (in_header_) return;
    const std::uint64_t size = record_header_bytes + payload_bytes;
    const bool fits = writer_.end().offset() + size <= limits_.segment_bytes;
    if (rolling_ || !writing_ || (!fits && !fresh_)) begin_segment();
  }

  void commit(std::function<void()> done) override { writer_.commit(std::move(done)); }
  Position durable() const override { return writer_.last_durable(); }
  Position end() const override {
    return writing_ && !rolling_ ? writer_.end() : format::position(next_segment_, 0);
  }

  base::Result<std::uint8_t> read(Position at, base::Bytes& payload) override {
    const base::BytesView waiting = writer_.find(at);
    if (waiting.empty()) return files_.read(at, payload);
    const format::Parsed parsed = format::parse_record(waiting, limits_.record_bytes);
    if (parsed.what != format::Parsed::What::record)
      return base::fail(Code::not_found, "read a record: no record starts there");
    payload.assign(parsed.payload.begin(), parsed.payload.end());
    return parsed.kind;
  }

  base::Result<Position> scan(Position from,
                              const std::function<bool(const Record&)>& visit) override {
    return files_.scan(from, [&](const Record& record) -> base::Result<bool> {
      return visit(record);
    });
  }

  void on_new_segment(std::function<void()> append_header) override {
    append_header_ = std::move(append_header);
  }
  void roll() override { rolling_ = writing_; }

  void trim(Position before) override {
    std::vector<std::string> names;
    while (!files_.pieces().empty()) {
      const std::uint32_t first = files_.pieces().front().start.segment();
      if (first >= before.segment() || is_written(first)) break;
      take(first, names);
    }
    remove(std::move(names));
  }

  bool erase(std::uint32_t segment) override {
    if (is_written(segment)) return false;
    std::vector<std::string> names;
    take(segment, names);
    remove(std::move(names));
    return true;
  }

  void on_dropped(std::function<void(Position)> told) override { told_dropped_ = std::move(told); }

  std::vector<std::uint32_t> segments() const override {
    std::vector<std::uint32_t> numbers;
    for (const auto& piece : files_.pieces())
      if (numbers.empty() || numbers.back() != piece.start.segment())
        numbers.push_back(piece.start.segment());
    return numbers;
  }

  const LogStats& stats() const override {
    stats_.bytes = files_.bytes();
    stats_.segments = files_.segments();
    stats_.commits = writer_.commits();
    stats_.commit_failures = writer_.failures();
    stats_.damaged_bytes = files_.damaged_bytes();
    stats_.pending_bytes = writer_.pending_bytes();
    stats_.last_sync = writer_.last_sync();
    return stats_;
  }

 private:
  // A segment that may still get records, or has some that are not durable.
  bool is_written(std::uint32_t segment) const {
    return writing_ && segment >= writer_.oldest_pending().segment();
  }

  void begin_segment() {
    writing_ = true;
    rolling_ = false;
    writer_.begin_segment(next_segment_++);
    if (!append_header_) return;
    in_header_ = true;
    append_header_();
    in_header_ = false;
    fresh_ = true;
  }

  // Room for `size` bytes within the bounds, or Code::exhausted.
  base::Result<void> make_room(std::uint64_t size) {
    if (writer_.pending_bytes() + size > limits_.pending_bytes && writer_.pending_bytes() > 0)
      return base::fail(Code::exhausted,
                        "append to " + dir_->path() + ": too much waits for the disk");
    while (files_.bytes() + writer_.pending_bytes() + size > limits_.total_bytes)
      if (limits_.when_full == WhenFull::refuse_new || !drop_oldest()) return full("it is full");
    if (low_on_disk()) {
      check_free_bytes();
      if (limits_.when_full == WhenFull::refuse_new) return full("the disk is nearly full");
      drop_oldest();
    }
    stats_.full = false;
    return {};
  }

  base::Result<void> full(std::string_view why) {
    stats_.full = true;
    return base::fail(Code::exhausted, "append to " + dir_->path() + ": " + std::string(why));
  }

  bool low_on_disk() const { return free_bytes_ < limits_.keep_free_bytes; }

  void check_free_bytes() {
    if (checking_ || loop_.now() - checked_at_ < free_check_pause) return;
    checking_ = true;
    checked_at_ = loop_.now();
    auto bytes = std::make_shared<std::uint64_t>(0);  // written by the pool, read here afterwards
    loop_.work(lane_, [dir = dir_, bytes] { *bytes = dir->free_bytes().value_or(UINT64_MAX); },
               [this, bytes, alive = std::weak_ptr(alive_)] {
                 if (alive.expired()) return;
                 checking_ = false;
                 free_bytes_ = *bytes;
               });
  }

  bool drop_oldest() {
    if (files_.pieces().empty()) return false;
    const std::uint32_t first = files_.pieces().front().start.segment();
    if (is_written(first)) return false;
    std::vector<std::string> names;
    take(first, names);
    remove(std::move(names));
    ++stats_.dropped_segments;
    const Position left =
        files_.pieces().empty() ? format::position(first + 1, 0) : files_.pieces().front().start;
    if (told_dropped_) told_dropped_(left);
    return true;
  }

  void take(std::uint32_t segment, std::vector<std::string>& names) {
    for (std::string& name : files_.take(segment)) names.push_back(std::move(name));
  }

  // Files without records, left by a crash. The last one keeps its number taken.
  void remove_empty() {
    std::vector<std::string> names;
    std::vector<std::uint32_t> empty;
    const auto& pieces = files_.pieces();
    for (std::size_t i = 0; i + 1 < pieces.size(); ++i)
      if (pieces[i].bytes == 0 && pieces[i].start.offset() == 0 &&
          pieces[i + 1].start.segment() != pieces[i].start.segment())
        empty.push_back(pieces[i].start.segment());
    for (const std::uint32_t segment : empty) take(segment, names);
    remove(std::move(names));
  }

  void remove(std::vector<std::string> names) {
    if (names.empty()) return;
    loop_.work(
        lane_,
        [dir = dir_, names = std::move(names)] {
          for (const std::string& name : names)
            if (const auto removed = dir->remove(name); !removed)
              base::log::warn("store", "a file cannot be removed", {{"error", removed.error()}});
          if (const auto synced = dir->sync(); !synced)
            base::log::warn("store", "removals are not durable", {{"error", synced.error()}});
        },
        [this, alive = std::weak_ptr(alive_)] {
          if (alive.expired()) return;
          checked_at_ = {INT64_MIN / 2};
          if (low_on_disk()) check_free_bytes();
          writer_.retry_now();
        });
  }

  void after_failure() {
    if (limits_.when_full == WhenFull::drop_oldest && low_on_disk()) drop_oldest();
  }

  std::shared_ptr<os::Dir> dir_;  // shared with jobs on the pool, which may outlive the log
  os::Loop& loop_;
  std::uint32_t lane_;
  LogLimits limits_;
  SegmentFiles files_;
  GroupWriter writer_;
  std::uint32_t next_segment_ = 1;
  bool writing_ = false;   // a segment was begun since open
  bool rolling_ = false;
  bool in_header_ = false;
  bool fresh_ = false;     // the segment holds nothing but its header: any record fits
  std::function<void()> append_header_;
  std::function<void(Position)> told_dropped_;
  std::uint64_t free_bytes_ = UINT64_MAX;
  base::Instant checked_at_{INT64_MIN / 2};
  bool checking_ = false;
  mutable LogStats stats_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();  // callbacks hold it weakly
};

}  // namespace

base::Result<std::unique_ptr<SegmentLog>> SegmentLog::open(std::unique_ptr<os::Dir> dir,
                                                           os::Loop& loop, std::uint32_t lane,
                                                           LogLimits limits, const Replay& replay) {
  const std::string step = "open log " + dir->path();
  auto log = std::make_unique<Log>(std::move(dir), loop, lane, limits);
  TRY(base::while_doing(step, log->load(replay)));
  return log;
}

}  // namespace selvedge::store
