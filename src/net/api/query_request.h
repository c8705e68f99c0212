// The parts of the HTTP API that node and cloud share: what a request for series or readings says,
// and how the answers are written.

#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/query/query.h"
#include "net/http/http.h"

namespace selvedge::net::api {

struct QueryRequest {
  std::string node;                  // cloud only; empty on a node
  std::string series;
  engine::QueryRange range;
  bool raw_from_node = false;        // raw=node: the readings that stayed on the node, asked of it
  engine::Stats stats = engine::Stats::leave_out;   // stats=true: what was decoded for it, in JSON
  bool csv = false;                  // ?format=csv or Accept: text/csv; format=frames: range.want
};

// series= (required), node=, from=, to= (ISO 8601, a count since 1970, or a duration before now as
// "-1h"; default: everything), step=, window=, hold=, agg= (comma-separated), downsample=, points=,
// limit=, format=, raw=, stats=. An unknown parameter is an error with a suggestion.
base::Result<QueryRequest> parse_query_request(const http::Request& request, base::Time now);

struct SeriesRequest {
  std::string node;                  // cloud only; empty: all nodes
  std::string match = "*";
  std::uint64_t limit = 1000;
};
base::Result<SeriesRequest> parse_series_request(const http::Request& request);

// True if `text` matches `pattern`, in which '*' stands for any text.
bool matches(std::string_view pattern, std::string_view text);

// Frames go as application/vnd.selvedge.frames: each with its length in front, a varint. Code::exhausted
// (429) if they are more than one answer holds.
http::Response answer(const QueryRequest& request, const engine::QueryResult& result);
// The frames of such an answer; views of `body`. Code::corrupt if it is none.
base::Result<std::vector<base::BytesView>> read_frames(base::BytesView body);

// The readings that a client posts: how the body is coded, by its Content-Type or ?format=.
// "" if the type says nothing (then the body decides).
std::string_view payload_format(const http::Request& request);

}  // namespace selvedge::net::api
