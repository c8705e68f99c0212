// Query: readings or windows of a series, from block headers where they suffice.
//
// With a step, the answer is one row a window [start, start + step): a block that lies inside one
// window is answered from its header and never decoded. Without a step it is the readings
// themselves, in time order, up to a limit. The same engine serves the node and the cloud; each feeds
// it from its own store.
//
// Blocks may come in any order and their times may overlap. Readings with equal times keep the order
// in which they were fed. A sum is within 2^-52 of the sum of the magnitudes of its values. Bounds:
// `rows` and `text_bytes` of the answer; while readings are merged up to three times as much is held,
// and one decoded block. Belongs to one thread; no clock, no I/O.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/series/frame.h"
#include "model/block.h"

namespace selvedge::engine {

enum class Aggregate : std::uint8_t { mean, min, max, sum, count, first, last };
base::Result<Aggregate> parse_aggregate(std::string_view text);
std::string_view name(Aggregate aggregate);

struct QueryRange {
  // What is asked for: readings or windows of them, or the blocks' frames as they are, sealed or not.
  enum class Want : std::uint8_t { readings, frames } want = Want::readings;
  base::Time from{}, to{};               // [from, to); INT64_MIN and INT64_MAX are open ends
  // Windows, counted from `from`, or from 1970 if that end is open; at most `rows` of them.
  std::optional<base::Duration> step;
  std::vector<Aggregate> aggregates;     // with a step; default mean
  std::uint64_t rows = 100'000;          // bound on the answer
  std::uint64_t text_bytes = 32 << 20;   // of text series without a step: bound on the texts together
  std::uint64_t frame_bytes = 64 << 20;  // of frames together
};

// Code::invalid_input if the range is empty the wrong way round, the step is not positive, `rows` is
// 0 or a closed range has more windows than `rows`.
base::Result<void> validate(const QueryRange& range);

// NaN readings count, and may be first or last, but are in no min, max, sum or mean: those are NaN if
// there is nothing else. For text series only `count` has a meaning.
struct WindowRow {
  base::Time start{};
  std::uint64_t count = 0;
  std::uint64_t nan_count = 0;
  double min = 0, max = 0, sum = 0, first = 0, last = 0;
  double value(Aggregate aggregate) const;
};

// What one series answered.
struct QueryResult {
  model::Kind kind = model::Kind::float64;
  codec::Columns readings;               // without a step, in time order
  std::vector<WindowRow> windows;        // with a step; windows without readings are left out
  std::vector<base::Bytes> frames;       // if frames were asked for, in the order they were fed
  std::uint64_t frame_bytes = 0;         // of them together
  bool truncated = false;                // a bound was reached
  std::uint64_t blocks_decoded = 0, blocks_from_header = 0;
};

// Collects one series. Feed blocks and open columns, then finish.
class Query {
 public:
  explicit Query(QueryRange range);

  // True if block() would have to decode a block with this header; if not, it may be called with an
  // empty frame.
  bool needs_frame(const model::BlockSummary& summary) const;

  // False: this block came too late in time to be in the answer, and so will every one that begins
  // after it. Who feeds in time order can stop; who does not goes on.
  // Code::denied if readings are asked for and a block of the range is sealed.
  // Code::corrupt if a frame that must be decoded is damaged or of another kind than those before;
  // Code::invalid_input for a bad range, or if the windows that hold readings are more than `rows`.
  base::Result<bool> block(const model::BlockSummary& summary, base::BytesView frame);
  // The same for readings not yet in a block, in any order.
  base::Result<bool> open(const codec::Columns& columns);
  base::Result<QueryResult> finish();

 private:
  struct Window {
    WindowRow row;
    double lost = 0;                     // what rounding took from the sum (Neumaier)
    std::int64_t first_time = 0, last_time = 0;
  };

  enum class Place : std::uint8_t { outside, too_late, from_header, decode };
  Place place(const model::BlockSummary& summary) const;
  std::uint64_t since_window_zero(std::int64_t time) const;
  std::uint64_t window_index(std::int64_t time) const;
  std::uint64_t window_limit(std::uint64_t index) const;
  std::int64_t window_start(std::uint64_t index) const;
  base::Result<void> set_kind(model::Kind kind);
  bool add_frame(base::BytesView frame);
  base::Result<Window*> window(std::int64_t time);
  base::Result<void> add_header(const model::BlockSummary& summary);
  base::Result<void> add_windows(const codec::Columns& columns);
  void add_readings(const codec::Columns& columns);
  void merge();

  QueryRange range_;
  QueryResult result_;
  codec::Columns scratch_;
  bool has_kind_ = false;
  std::uint64_t offset_ = 0;             // of the first time of all behind its window's start
  std::optional<std::int64_t> horizon_;  // no reading at or after it can still be in the answer
  std::unordered_map<std::uint64_t, Window> windows_;
};

// {"series":"a/b","kind":"float64","columns":["time","value"],"rows":[["2026-03-01T12:00:00Z",21.5]],
// "truncated":false}. With a step the columns are "time" (the window's start) and the aggregates
// asked for. Times are ISO 8601; values numbers, booleans or strings as the kind says, in windows
// numbers. What there is no number for (NaN, infinities, aggregates of text other than count): null.
std::string to_json(std::string_view series, const QueryRange& range, const QueryResult& result);

// The same as RFC 4180 lines "series,time,value" or "series,time,mean,...", with that header, so that
// answers of several series can be joined. Where JSON has null a field is empty.
std::string to_csv(std::string_view series, const QueryRange& range, const QueryResult& result);

}  // namespace selvedge::engine
