// Query: readings, windows of them or points for a chart of a series, from block headers where they
// suffice.
//
// With a step, the answer is one row a window [start, start + window): a block that lies inside one step
// is answered from its header, and decoded only if something is asked that the header does not say. Then
// only its values are; and only its times if nothing but their number is asked. Without a step it is the
// readings themselves, in time order, up to a limit, or fewer of them for a chart. The same engine
// serves the node and the cloud; each feeds it from its own store.
//
// Blocks may come in any order and their times may overlap. Readings with equal times keep the order
// in which they were fed. A sum is within 2^-52 of the sum of the magnitudes of its values; a quantile
// within 1 % of the value. Bounds: those of QueryRange, and one decoded block. Belongs to one thread; no
// clock, no I/O.

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/series/frame.h"
#include "engine/query/range.h"
#include "engine/query/window_row.h"
#include "model/block.h"

namespace selvedge::engine {

// What one series answered.
struct QueryResult {
  model::Kind kind = model::Kind::float64;
  codec::Columns readings;               // without a step, in time order
  std::vector<WindowRow> windows;        // with a step; windows without readings are left out
  std::vector<base::Bytes> frames;       // if frames were asked for, in the order they were fed
  std::uint64_t frame_bytes = 0;         // of them together
  bool truncated = false;                // a bound was reached
  std::uint64_t blocks_decoded = 0, blocks_from_header = 0;   // decoded: in part or whole
  std::uint64_t times_decoded = 0, values_decoded = 0;        // columns of those
};

// From when to when a block or an open column has readings.
struct SourceExtent {
  base::Time first{}, last{};
};

// Collects one series. Feed blocks and open columns, then finish.
class Query {
 public:
  explicit Query(QueryRange range);
  Query(const Query&) = delete;          // its parts refer to the range
  Query& operator=(const Query&) = delete;
  ~Query();

  // Whether it is better to call outline() first: what must be taken in order is then made as it comes,
  // and does not wait for the end.
  bool wants_outline() const;
  // Everything that will be fed, in the order in which it will be.
  void outline(std::span<const SourceExtent> sources);
  // Readings from here to the range's end have a part in the answer.
  base::Time needed_from() const { return range_.needed_from(); }

  // True if block() would have to decode a block with this header; if not, it may be called with an
  // empty frame.
  bool needs_frame(const model::BlockSummary& summary) const;

  // False: this block came too late in time to be in the answer, and so will every one that begins
  // after it. Who feeds in time order can stop; who does not goes on.
  // Code::denied if readings are asked for and a block of the range is sealed.
  // Code::corrupt if a frame that must be decoded is damaged or of another kind than those before;
  // Code::invalid_input for a bad range, if the windows that hold readings are more than `rows`, or for
  // a chart of texts; Code::exhausted if another bound is reached.
  base::Result<bool> block(const model::BlockSummary& summary, base::BytesView frame);
  // The same for readings not yet in a block, in any order.
  base::Result<bool> open(const codec::Columns& columns);
  base::Result<QueryResult> finish();

 private:
  struct Parts;
  enum class Place : std::uint8_t { outside, too_late, from_header, times, values, both };
  Place place(const model::BlockSummary& summary) const;
  base::Result<void> set_kind(model::Kind kind);
  bool add_frame(base::BytesView frame);
  base::Result<void> add(const codec::Columns& columns);
  base::Result<void> add_to_chart(const codec::Columns& columns, std::size_t begin, std::size_t end);
  base::Result<void> pass();
  void finish_chart();

  QueryRange range_;
  QueryResult result_;
  codec::Columns scratch_;
  bool has_kind_ = false;
  std::vector<std::int64_t> earliest_;   // that comes with or after each source
  std::size_t fed_ = 0;
  std::unique_ptr<Parts> parts_;
};

// {"series":"a/b","kind":"float64","columns":["time","value"],"rows":[["2026-03-01T12:00:00Z",21.5]],
// "truncated":false}. With a step the columns are "time" (the window's start) and the aggregates
// asked for. Times are ISO 8601; values numbers, booleans or strings as the kind says, in windows
// numbers. What there is no number for (NaN, infinities, aggregates of text other than count): null.
// With stats also "stats": {"blocks_decoded", "blocks_from_header", "times_decoded", "values_decoded"}.
enum class Stats : std::uint8_t { leave_out, tell };
std::string to_json(std::string_view series, const QueryRange& range, const QueryResult& result,
                    Stats stats = Stats::leave_out);

// The same as RFC 4180 lines "series,time,value" or "series,time,mean,...", with that header, so that
// answers of several series can be joined. Where JSON has null a field is empty.
std::string to_csv(std::string_view series, const QueryRange& range, const QueryResult& result);

// The answer from frames that are all at hand. They may be sealed only if nothing in them must be read.
base::Result<QueryResult> answer_frames(const QueryRange& range, std::span<const base::Bytes> frames);

}  // namespace selvedge::engine
