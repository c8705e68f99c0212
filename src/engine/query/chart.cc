#include "engine/query/chart.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace selvedge::engine {
namespace {

using model::Kind;
__extension__ using Wide = unsigned __int128;

double number(Kind kind, std::uint64_t bits) {
  return kind == Kind::float64 ? std::bit_cast<double>(bits)
                               : static_cast<double>(static_cast<std::int64_t>(bits));
}

std::uint64_t bits_of(Kind kind, double value) {
  return kind == Kind::float64 ? std::bit_cast<std::uint64_t>(value)
                               : static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}

}  // namespace

void append_points(const codec::Columns& columns, std::size_t begin, std::size_t end,
                   std::vector<ChartPoint>& points) {
  for (std::size_t i = begin; i < end; ++i) {
    if (columns.kind != Kind::float64)
      points.push_back({columns.times[i], static_cast<std::uint64_t>(columns.int64[i])});
    else if (!std::isnan(columns.float64[i]))
      points.push_back({columns.times[i], std::bit_cast<std::uint64_t>(columns.float64[i])});
  }
}

void put_points(Kind kind, std::span<const ChartPoint> points, codec::Columns& into) {
  into.clear();
  into.kind = kind;
  for (const ChartPoint& point : points) {
    into.times.push_back(point.time);
    if (kind == Kind::float64) into.float64.push_back(std::bit_cast<double>(point.bits));
    else into.int64.push_back(static_cast<std::int64_t>(point.bits));
  }
}

ChartColumns::ChartColumns(Kind kind, Downsample how, std::uint64_t points, std::int64_t from,
                           std::int64_t to)
    : kind_(kind),
      has_ends_(how == Downsample::m4),
      from_(static_cast<std::uint64_t>(from)),
      span_(std::max<std::uint64_t>(1, static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from))),
      columns_(static_cast<std::size_t>(points / (has_ends_ ? 4 : 2))) {}

std::size_t ChartColumns::column(std::int64_t time) const {
  const Wide since = static_cast<std::uint64_t>(time) - from_;
  // At the end of time, and if a block's header was wrong, the last.
  return static_cast<std::size_t>(
      std::min<Wide>(since * columns_.size() / span_, columns_.size() - 1));
}

bool ChartColumns::less(std::uint64_t a, std::uint64_t b) const {
  if (kind_ == Kind::float64) return std::bit_cast<double>(a) < std::bit_cast<double>(b);
  return static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b);
}

void ChartColumns::take_ends(Column& column, const ChartPoint& first, const ChartPoint& last) const {
  if (!column.any || first.time < column.first.time) column.first = first;
  if (!column.any || last.time >= column.last.time) column.last = last;
}

void ChartColumns::take(Column& column, const ChartPoint& point) const {
  take_ends(column, point, point);
  const auto beats = [&](const ChartPoint& known, bool better, bool worse) {
    return !column.any || better || (!worse && point.time < known.time);
  };
  const bool below = less(point.bits, column.least.bits), above_least = less(column.least.bits, point.bits);
  const bool above = less(column.greatest.bits, point.bits), below_most = less(point.bits, column.greatest.bits);
  if (beats(column.least, below, above_least)) column.least = point;
  if (beats(column.greatest, above, below_most)) column.greatest = point;
  column.any = true;
}

bool ChartColumns::suffices(const model::BlockSummary& summary) const {
  if (summary.nan_count != 0) return false;
  const std::size_t place = column(summary.first_time.ns);
  if (place != column(summary.last_time.ns) || !columns_[place].any) return false;
  // Headers hold integers as doubles.
  constexpr double exact = 0x1p53;
  if (kind_ != Kind::float64)
    for (const double v : {summary.min, summary.max, summary.first, summary.last})
      if (!(v > -exact && v < exact)) return false;
  const Column& known = columns_[place];
  const std::uint64_t low = bits_of(kind_, summary.min), high = bits_of(kind_, summary.max);
  const std::int64_t first = summary.first_time.ns;
  return (less(known.least.bits, low) || (!less(low, known.least.bits) && first >= known.least.time)) &&
         (less(high, known.greatest.bits) || (!less(known.greatest.bits, high) && first >= known.greatest.time));
}

void ChartColumns::add_header(const model::BlockSummary& summary) {
  take_ends(columns_[column(summary.first_time.ns)],
            {summary.first_time.ns, bits_of(kind_, summary.first)},
            {summary.last_time.ns, bits_of(kind_, summary.last)});
}

void ChartColumns::add(std::span<const ChartPoint> points) {
  for (const ChartPoint& point : points) take(columns_[column(point.time)], point);
}

std::vector<ChartPoint> ChartColumns::points() const {
  std::vector<ChartPoint> all;
  for (const Column& column : columns_) {
    if (!column.any) continue;
    const auto begin = static_cast<std::ptrdiff_t>(all.size());
    const auto put = [&](const ChartPoint& point) {
      if (std::find(all.begin() + begin, all.end(), point) == all.end()) all.push_back(point);
    };
    if (has_ends_) put(column.first);
    const bool least_first = column.least.time <= column.greatest.time;
    put(least_first ? column.least : column.greatest);
    put(least_first ? column.greatest : column.least);
    if (has_ends_) put(column.last);
    // Only readings of equal times can be out of order still: the last is the last of them.
    std::stable_sort(all.begin() + begin, all.end(),
                     [](const ChartPoint& a, const ChartPoint& b) { return a.time < b.time; });
  }
  return all;
}

std::vector<ChartPoint> largest_triangles(Kind kind, std::span<const ChartPoint> all, std::uint64_t points) {
  if (all.size() <= points || points < 3) return {all.begin(), all.end()};
  const auto x = [&](std::size_t i) {
    return static_cast<double>(static_cast<std::uint64_t>(all[i].time) - static_cast<std::uint64_t>(all[0].time));
  };
  const auto y = [&](std::size_t i) { return number(kind, all[i].bits); };
  const std::uint64_t buckets = points - 2;
  // Of the readings between the first and the last, bucket b holds those from begin(b) on.
  const auto begin = [&](std::uint64_t bucket) {
    const Wide before = static_cast<Wide>(bucket) * (all.size() - 2) / buckets;
    return static_cast<std::size_t>(before) + 1;
  };
  std::vector<ChartPoint> chosen{all[0]};
  std::size_t from = 0;
  for (std::uint64_t bucket = 0; bucket < buckets; ++bucket) {
    const std::size_t next = begin(bucket + 1);
    const std::size_t next_end = bucket + 1 == buckets ? all.size() : begin(bucket + 2);
    double mean_x = 0, mean_y = 0;
    for (std::size_t i = next; i < next_end; ++i) {
      mean_x += x(i);
      mean_y += y(i);
    }
    mean_x /= static_cast<double>(next_end - next);
    mean_y /= static_cast<double>(next_end - next);
    std::size_t best = begin(bucket);
    double largest = -1;                 // of no triangle; what is not finite is none
    for (std::size_t i = best; i < next; ++i) {
      const double area = std::fabs((x(from) - mean_x) * (y(i) - y(from)) - (x(from) - x(i)) * (mean_y - y(from)));
      if (!(area > largest)) continue;
      largest = area;
      best = i;
    }
    chosen.push_back(all[best]);
    from = best;
  }
  chosen.push_back(all.back());
  return chosen;
}

}  // namespace selvedge::engine
