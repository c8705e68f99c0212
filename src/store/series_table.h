// SeriesTable: names of series and their numbers, in a small log of their own.
//
// Numbers start at 1 and are never used again. A definition is durable before a reading of the
// series is: the store's commit waits for both logs.

#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "model/reading.h"
#include "store/segment_log.h"

namespace selvedge::store {

class SeriesTable {
 public:
  static base::Result<std::unique_ptr<SeriesTable>> open(std::unique_ptr<os::Dir> dir,
                                                         os::Loop& loop, std::uint32_t lane,
                                                         std::uint32_t limit,
                                                         std::uint64_t keep_free_bytes);

  base::Result<model::SeriesId> find_or_make(std::string_view name, model::Kind kind,
                                             std::string_view device);
  const model::SeriesDef* find(std::string_view name) const;
  const model::SeriesDef* find(model::SeriesId id) const;
  void each(const std::function<bool(const model::SeriesDef&)>& visit) const;
  std::uint64_t size() const { return by_name_.size(); }
  // One more than the largest number in use.
  std::uint32_t next_id() const { return static_cast<std::uint32_t>(definitions_.size()); }
  // Numbers below `id` were met in the journal or in blocks; they are not given to others.
  void keep_taken(std::uint32_t id);

  bool all_durable() const { return log_->stats().pending_bytes == 0; }
  void commit(std::function<void()> done) { log_->commit(std::move(done)); }

 private:
  base::Result<void> replay(const Record& record);
  void place(model::SeriesDef def);

  std::uint32_t limit_ = 0;
  std::unique_ptr<SegmentLog> log_;
  std::deque<model::SeriesDef> definitions_{1};  // by number; no name: no such series
  std::unordered_map<std::string_view, std::uint32_t> by_name_;  // views of the definitions
};

}  // namespace selvedge::store
