// ReadingSet: the first readings of a range, merged from blocks in any order.
//
// Bounds: `rows` and `text_bytes` of the range; up to three times as much is held while they are merged.
// Belongs to one thread. Private to engine/query.

#pragma once

#include <optional>

#include "codec/series/frame.h"
#include "engine/query/range.h"

namespace selvedge::engine {

class ReadingSet {
 public:
  explicit ReadingSet(const QueryRange& range) : range_(range) {}

  // Whether no reading at or after `time` can be in the answer any more.
  bool is_too_late(std::int64_t time) const { return horizon_ && time >= *horizon_; }
  void set_truncated() { truncated_ = true; }
  void add(const codec::Columns& columns);   // in time order
  codec::Columns finish(bool& truncated);

 private:
  void merge();

  const QueryRange& range_;
  codec::Columns kept_;
  std::optional<std::int64_t> horizon_;
  bool truncated_ = false;
};

}  // namespace selvedge::engine
