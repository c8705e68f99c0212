#include "node/series_query.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace selvedge::node {

base::Result<engine::QueryResult> query_series(store::ReadingStore& store, std::string_view series,
                                               const engine::QueryRange& range) {
  const model::SeriesDef* def = store.find(series);
  if (def == nullptr)
    return base::fail(base::Code::not_found, "series '" + base::printable(series) + "' is unknown");
  engine::Query query(range);
  const base::Time from = query.needed_from();
  if (query.wants_outline()) {
    std::vector<engine::SourceExtent> sources;
    TRY(store.visit(
        def->id, from, range.to,
        [&](const model::BlockSummary& summary, base::BytesView) {
          sources.push_back({summary.first_time, summary.last_time});
          return true;
        },
        [&](const codec::Columns& open) {
          const auto [first, last] = std::ranges::minmax(open.times);
          sources.push_back({{first}, {last}});
          return true;
        }));
    query.outline(sources);
  }
  base::Result<bool> go_on = true;
  TRY(store.visit(
      def->id, from, range.to,
      [&](const model::BlockSummary& summary, base::BytesView frame) {
        go_on = query.block(summary, frame);
        return go_on && *go_on;
      },
      [&](const codec::Columns& open) {
        go_on = query.open(open);
        return go_on && *go_on;
      }));
  if (!go_on) return std::unexpected(go_on.error());
  return query.finish();
}

}  // namespace selvedge::node
