// series_query: a question about one series, answered from what the node has: blocks and open columns.

#pragma once

#include <string_view>

#include "engine/query/query.h"
#include "store/reading_store.h"

namespace selvedge::node {

// Code::not_found: there is no such series.
base::Result<engine::QueryResult> query_series(store::ReadingStore& store, std::string_view series,
                                               const engine::QueryRange& range);

}  // namespace selvedge::node
