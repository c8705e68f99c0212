#include "engine/query/query.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "codec/series/columns.h"
#include "codec/series/sealed.h"
#include "engine/query/chart.h"
#include "engine/query/in_order.h"
#include "engine/query/reading_set.h"
#include "engine/query/window_set.h"

namespace selvedge::engine {
namespace {

using base::Code;
using base::fail;
using base::Result;
using model::Kind;

constexpr std::int64_t open_from = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t open_to = std::numeric_limits<std::int64_t>::max();

// Text series answer with the lengths of their texts, as block headers do.
std::span<const double> numbers_of(const codec::Columns& columns, std::vector<double>& room) {
  if (columns.kind == Kind::float64) return columns.float64;
  room.clear();
  if (columns.kind == Kind::text) {
    std::uint32_t begin = 0;
    for (const std::uint32_t end : columns.text_ends) {
      room.push_back(static_cast<double>(end - begin));
      begin = end;
    }
  }
  for (const std::int64_t value : columns.int64) room.push_back(static_cast<double>(value));
  return room;
}

}  // namespace

// What collects the answer: of windows, readings and charts the one that is asked for.
struct Query::Parts {
  explicit Parts(const QueryRange& range) : readings(range) {}
  ReadingSet readings;
  std::optional<WindowSet> windows;
  std::optional<InOrder> in_order;
  std::vector<ChartPoint> chart_points;  // that wait for the others
  std::optional<SourceExtent> chart_extent;
  SourceExtent seen{{open_to}, {open_from}};
  std::optional<ChartColumns> chart;
  std::vector<double> numbers;           // of a block, as doubles

  // What a chart's columns share: an open end is where the readings end.
  static SourceExtent extent_of(const QueryRange& range, const SourceExtent& readings) {
    SourceExtent extent{range.from, range.to};
    if (range.from.ns == open_from) extent.first = readings.first;
    if (range.to.ns == open_to && readings.last.ns != open_to) extent.last = {readings.last.ns + 1};
    return extent;
  }
};

Query::Query(QueryRange range) : range_(std::move(range)) {
  if (range_.step && range_.aggregates.empty()) range_.aggregates.push_back(Aggregate::mean);
  parts_ = std::make_unique<Parts>(range_);
  if (!validate(range_)) return;         // every call will say so
  if (range_.step) parts_->windows.emplace(range_);
  if (range_.has_ordered()) parts_->in_order.emplace(range_, *parts_->windows);
  if (range_.downsample && range_.from.ns != open_from && range_.to.ns != open_to)
    parts_->chart_extent = {range_.from, range_.to};
}

Query::~Query() = default;

bool Query::wants_outline() const {
  if (range_.want == QueryRange::Want::frames || !validate(range_)) return false;
  return range_.has_ordered() ||
         (range_.downsample && *range_.downsample != Downsample::lttb && !parts_->chart_extent);
}

void Query::outline(std::span<const SourceExtent> sources) {
  earliest_.resize(sources.size());
  std::int64_t earliest = open_to, first = open_to, last = open_from;
  for (std::size_t i = sources.size(); i-- > 0;) {
    const SourceExtent& source = sources[i];
    earliest_[i] = earliest = std::min(earliest, source.first.ns);
    first = std::min(first, source.first.ns);
    last = std::max(last, source.last.ns);
  }
  if (!range_.downsample || parts_->chart_extent || first > last) return;
  parts_->chart_extent = parts_->extent_of(range_, {{first}, {last}});
}

Query::Place Query::place(const model::BlockSummary& summary) const {
  const std::int64_t first = summary.first_time.ns, last = summary.last_time.ns;
  const bool frames = range_.want == QueryRange::Want::frames;
  const std::int64_t from = frames ? range_.from.ns : range_.needed_from().ns;
  if (summary.count == 0 || last < from || first >= range_.to.ns) return Place::outside;
  if (frames) return Place::both;
  const bool inside = first >= range_.from.ns && last < range_.to.ns;
  if (range_.downsample)
    return inside && parts_->chart && summary.kind == result_.kind && parts_->chart->suffices(summary)
               ? Place::from_header
               : Place::both;
  if (!range_.step) return parts_->readings.is_too_late(first) ? Place::too_late : Place::both;
  const WindowNeeds& needs = parts_->windows->needs();
  if (needs.ordered) return Place::both;
  if (inside && parts_->windows->is_one_step(first, last))
    return needs.deviation || needs.quantiles ? Place::values : Place::from_header;
  return needs.beyond_count ? Place::both : Place::times;
}

bool Query::needs_frame(const model::BlockSummary& summary) const {
  if (!validate(range_)) return false;
  const Place where = place(summary);
  return where == Place::times || where == Place::values || where == Place::both;
}

Result<void> Query::set_kind(Kind kind) {
  if (!has_kind_) {
    if (range_.downsample && kind == Kind::text)
      return fail(Code::invalid_input, "query: downsample needs numbers; the series is of texts");
    result_.kind = result_.readings.kind = kind;
    has_kind_ = true;
    if (range_.downsample && *range_.downsample != Downsample::lttb && parts_->chart_extent)
      parts_->chart.emplace(kind, *range_.downsample, range_.points, parts_->chart_extent->first.ns,
                            parts_->chart_extent->last.ns);
  }
  if (result_.kind == kind) return {};
  return fail(Code::corrupt, "query: a block of " + std::string(model::name(kind)) +
                                 " in a series of " + std::string(model::name(result_.kind)));
}

// False once the bound is reached.
bool Query::add_frame(base::BytesView frame) {
  if (result_.frame_bytes + frame.size() > range_.frame_bytes) {
    result_.truncated = true;
    return false;
  }
  result_.frame_bytes += frame.size();
  result_.frames.emplace_back(frame.begin(), frame.end());
  return true;
}

Result<bool> Query::block(const model::BlockSummary& summary, base::BytesView frame) {
  TRY(validate(range_));
  const Place where = place(summary);
  if (range_.want == QueryRange::Want::frames && where == Place::both) return add_frame(frame);
  if (codec::is_sealed(summary) && where != Place::outside)
    return fail(Code::denied,
                "query: its blocks are sealed; `selvedge series export --unseal KEY` reads them with a "
                "recipient's key");
  switch (where) {
    case Place::outside:
      TRY(pass());
      return summary.first_time < range_.to;
    case Place::too_late: parts_->readings.set_truncated(); return false;
    case Place::from_header:
      TRY(set_kind(summary.kind));
      ++result_.blocks_from_header;
      if (range_.downsample) parts_->chart->add_header(summary);
      else TRY(parts_->windows->add_header(summary, {}));
      return true;
    case Place::times:
      TRY(base::while_doing("query", codec::decode_times(frame, scratch_)));
      ++result_.times_decoded;
      break;
    case Place::values:
      TRY(base::while_doing("query", codec::decode_values(frame, scratch_)));
      ++result_.values_decoded;
      break;
    case Place::both:
      TRY(base::while_doing("query", codec::decode_frame(frame, scratch_)));
      ++result_.times_decoded;
      ++result_.values_decoded;
      break;
  }
  TRY(set_kind(scratch_.kind));
  ++result_.blocks_decoded;
  if (where == Place::values)
    TRY(parts_->windows->add_header(summary, numbers_of(scratch_, parts_->numbers)));
  else
    TRY(add(scratch_));
  TRY(pass());
  return true;
}

Result<bool> Query::open(const codec::Columns& columns) {
  TRY(validate(range_));
  if (columns.size() == 0) return true;
  if (range_.want == QueryRange::Want::frames) {
    base::Bytes frame;
    TRY(codec::encode_frame(columns, frame));
    return add_frame(frame);
  }
  TRY(set_kind(columns.kind));
  if (std::is_sorted(columns.times.begin(), columns.times.end())) {
    TRY(add(columns));
  } else {
    codec::sort_by_time(columns, scratch_);
    TRY(add(scratch_));
  }
  TRY(pass());
  return true;
}

// Readings in time order; without values if only their number counts.
Result<void> Query::add(const codec::Columns& columns) {
  if (!range_.step && !range_.downsample) {
    parts_->readings.add(columns);
    return {};
  }
  const auto& times = columns.times;
  const auto index_of = [&](base::Time time) {
    return static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), time.ns) - times.begin());
  };
  const std::size_t begin = index_of(range_.from), end = index_of(range_.to);
  if (range_.downsample) return add_to_chart(columns, begin, end);
  const std::span<const double> numbers = numbers_of(columns, parts_->numbers);
  const std::span<const std::int64_t> all = times;
  if (begin < end)
    TRY(parts_->windows->add(all.subspan(begin, end - begin),
                             numbers.empty() ? numbers : numbers.subspan(begin, end - begin)));
  if (parts_->in_order) return parts_->in_order->add(all, numbers);
  return {};
}

Result<void> Query::add_to_chart(const codec::Columns& columns, std::size_t begin, std::size_t end) {
  std::vector<ChartPoint>& points = parts_->chart_points;
  if (begin < end) {
    parts_->seen.first.ns = std::min(parts_->seen.first.ns, columns.times[begin]);
    parts_->seen.last.ns = std::max(parts_->seen.last.ns, columns.times[end - 1]);
  }
  append_points(columns, begin, end, points);
  if (parts_->chart) {
    parts_->chart->add(points);
    points.clear();
  }
  if (points.size() <= range_.held_readings) return {};
  return fail(Code::exhausted, "query: a chart of more than " + std::to_string(range_.held_readings) +
                                   " readings; choose a shorter range, or downsample=m4 or minmax");
}

// One more source was fed: what cannot be preceded any more is taken.
Result<void> Query::pass() {
  ++fed_;
  if (!parts_->in_order || fed_ >= earliest_.size()) return {};
  return parts_->in_order->pass(earliest_[fed_]);
}

void Query::finish_chart() {
  std::vector<ChartPoint>& points = parts_->chart_points;
  std::stable_sort(points.begin(), points.end(),
                   [](const ChartPoint& a, const ChartPoint& b) { return a.time < b.time; });
  const Kind kind = result_.kind;
  if (*range_.downsample == Downsample::lttb) {
    points = largest_triangles(kind, points, range_.points);
  } else {
    if (!parts_->chart && !points.empty()) {
      const SourceExtent extent = parts_->extent_of(range_, parts_->seen);
      parts_->chart.emplace(kind, *range_.downsample, range_.points, extent.first.ns, extent.last.ns);
      parts_->chart->add(points);
    }
    points = parts_->chart ? parts_->chart->points() : std::vector<ChartPoint>{};
  }
  put_points(kind, points, result_.readings);
}

Result<QueryResult> Query::finish() {
  TRY(validate(range_));
  if (parts_->in_order) TRY(parts_->in_order->finish());
  if (range_.step) result_.windows = TRY(parts_->windows->rows());
  else if (range_.downsample) finish_chart();
  else result_.readings = parts_->readings.finish(result_.truncated);
  result_.readings.kind = result_.kind;
  return std::move(result_);
}

Result<QueryResult> answer_frames(const QueryRange& range, std::span<const base::Bytes> frames) {
  Query query(range);
  std::vector<model::BlockSummary> summaries;
  summaries.reserve(frames.size());
  for (const base::Bytes& frame : frames) summaries.push_back(TRY(codec::read_summary(frame)));
  if (query.wants_outline()) {
    std::vector<SourceExtent> sources;
    sources.reserve(summaries.size());
    for (const model::BlockSummary& summary : summaries) sources.push_back({summary.first_time, summary.last_time});
    query.outline(sources);
  }
  for (std::size_t i = 0; i < frames.size(); ++i) TRY(query.block(summaries[i], frames[i]));
  return query.finish();
}

}  // namespace selvedge::engine
