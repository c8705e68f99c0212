// Chart: fewer points of a series that look the same.
//
// m4 (Jugel et al., VLDB 2014): the range is cut into points / 4 columns of equal length, and the first,
// the least, the greatest and the last reading of each are kept; drawn as a line on as many pixels it
// is the same picture. minmax: points / 2 columns, least and greatest only. Of equal values the earliest
// counts. Blocks and readings may come in any order; a block in one column of which the header says that
// it holds nothing lower and nothing higher is never decoded.
//
// lttb (Steinarsson, 2013): needs all readings at once. NaN is no point. Private to engine/query.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "codec/series/frame.h"
#include "engine/query/range.h"
#include "model/block.h"

namespace selvedge::engine {

// A reading as a chart has it: a double's bits, or an integer.
struct ChartPoint {
  std::int64_t time = 0;
  std::uint64_t bits = 0;
  friend bool operator==(const ChartPoint&, const ChartPoint&) = default;
};

// Appends the readings [begin, end) that are numbers.
void append_points(const codec::Columns& columns, std::size_t begin, std::size_t end,
                   std::vector<ChartPoint>& points);
// Readings of `kind` again.
void put_points(model::Kind kind, std::span<const ChartPoint> points, codec::Columns& into);

// Cuts [from, to) into columns; points outside of it must not be given.
class ChartColumns {
 public:
  ChartColumns(model::Kind kind, Downsample how, std::uint64_t points, std::int64_t from, std::int64_t to);

  // Whether the header of a block says all that is needed of it now.
  bool suffices(const model::BlockSummary& summary) const;
  void add_header(const model::BlockSummary& summary);   // one that suffices
  void add(std::span<const ChartPoint> points);
  std::vector<ChartPoint> points() const;                // in order of time

 private:
  struct Column {
    bool any = false;
    ChartPoint first, last, least, greatest;
  };
  std::size_t column(std::int64_t time) const;
  bool less(std::uint64_t a, std::uint64_t b) const;
  void take(Column& column, const ChartPoint& point) const;
  void take_ends(Column& column, const ChartPoint& first, const ChartPoint& last) const;

  model::Kind kind_;
  bool has_ends_;
  std::uint64_t from_, span_;
  std::vector<Column> columns_;
};

// `points` of at least 3, or all if there are no more. `all` in order of time.
std::vector<ChartPoint> largest_triangles(model::Kind kind, std::span<const ChartPoint> all,
                                          std::uint64_t points);

}  // namespace selvedge::engine
