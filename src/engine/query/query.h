// Query: readings or windows of a series, from block headers where they suffice.
//
// With a step, the answer is one row a window [start, start + step): a block that lies inside one
// window is answered from its header and never decoded. Without a step it is the readings
// themselves, up to a limit. The same engine serves the node and the cloud; each gives it a Source.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
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
  base::Time from{}, to{};               // [from, to)
  std::optional<base::Duration> step;    // windows; at most `rows` of them
  std::vector<Aggregate> aggregates;     // with a step; default mean
  std::uint64_t rows = 100'000;          // bound on the answer
};

struct WindowRow {
  base::Time start{};
  std::uint64_t count = 0;
  double min = 0, max = 0, sum = 0, first = 0, last = 0;
  double value(Aggregate aggregate) const;
};

// What one series answered.
struct QueryResult {
  model::Kind kind = model::Kind::float64;
  codec::Columns readings;               // without a step, in time order
  std::vector<WindowRow> windows;        // with a step; windows without readings are left out
  bool truncated = false;                // `rows` was reached
  std::uint64_t blocks_decoded = 0, blocks_from_header = 0;
};

// Collects one series. Feed blocks in any order, then open columns, then finish.
class Query {
 public:
  explicit Query(QueryRange range);
  // False: enough (the bound is reached). Code::corrupt if a frame that must be decoded is damaged.
  base::Result<bool> block(const model::BlockSummary& summary, base::BytesView frame);
  base::Result<bool> open(const codec::Columns& columns);
  base::Result<QueryResult> finish();

 private:
  QueryRange range_;
  QueryResult result_;
  codec::Columns scratch_;
};

// {"series":..., "kind":..., "columns":["time","value"], "rows":[[...],...], "truncated":false}
std::string to_json(std::string_view series, const QueryRange& range, const QueryResult& result);
// RFC 4180, with a header line; times in ISO 8601.
std::string to_csv(std::string_view series, const QueryRange& range, const QueryResult& result);

}  // namespace selvedge::engine
