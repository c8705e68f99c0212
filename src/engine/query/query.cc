#include "engine/query/query.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "codec/series/sealed.h"

namespace selvedge::engine {
namespace {

using base::Code;
using base::fail;
using base::Result;
using model::Kind;

constexpr std::int64_t open_from = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t open_to = std::numeric_limits<std::int64_t>::max();

std::uint64_t distance(std::int64_t from, std::int64_t to) {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

// Text series answer with the lengths of their texts, as block headers do.
double number_at(const codec::Columns& columns, std::size_t i) {
  switch (columns.kind) {
    case Kind::float64: return columns.float64[i];
    case Kind::int64:
    case Kind::boolean: return static_cast<double>(columns.int64[i]);
    case Kind::text: break;
  }
  return static_cast<double>(columns.text_ends[i] - (i == 0 ? 0 : columns.text_ends[i - 1]));
}

// Adds readings [begin, end) of one time-ordered set of columns to another.
void append(codec::Columns& to, const codec::Columns& from, std::size_t begin, std::size_t end) {
  const auto slice = [&](auto& into, const auto& out) {
    if (!out.empty())
      into.insert(into.end(), out.begin() + static_cast<std::ptrdiff_t>(begin),
                  out.begin() + static_cast<std::ptrdiff_t>(end));
  };
  slice(to.times, from.times);
  slice(to.float64, from.float64);
  slice(to.int64, from.int64);
  if (from.kind != Kind::text || begin == end) return;
  const std::uint32_t text_begin = begin == 0 ? 0 : from.text_ends[begin - 1];
  const auto shift = static_cast<std::uint32_t>(to.text_bytes.size()) - text_begin;
  to.text_bytes.append(from.text_bytes, text_begin, from.text_ends[end - 1] - text_begin);
  for (std::size_t i = begin; i < end; ++i) to.text_ends.push_back(from.text_ends[i] + shift);
}

void sort_by_time(codec::Columns& columns) {
  if (std::is_sorted(columns.times.begin(), columns.times.end())) return;
  std::vector<std::size_t> order(columns.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return columns.times[a] < columns.times[b];
  });
  codec::Columns sorted;
  sorted.kind = columns.kind;
  for (const std::size_t i : order) sorted.push({columns.times[i]}, columns.at(i));
  columns = std::move(sorted);
}

void keep_first(codec::Columns& columns, std::size_t count) {
  columns.times.resize(count);
  if (columns.kind == Kind::float64) columns.float64.resize(count);
  else if (columns.kind != Kind::text) columns.int64.resize(count);
  if (columns.kind != Kind::text) return;
  columns.text_ends.resize(count);
  columns.text_bytes.resize(count == 0 ? 0 : columns.text_ends.back());
}

}  // namespace

Result<void> validate(const QueryRange& range) {
  if (range.from > range.to) return fail(Code::invalid_input, "query: from is later than to");
  if (range.rows == 0) return fail(Code::invalid_input, "query: 0 rows asked for");
  if (!range.step) return {};
  if (range.step->count() <= 0) return fail(Code::invalid_input, "query: the step is not positive");
  if (range.from.ns == open_from || range.to.ns == open_to) return {};
  const auto step = static_cast<std::uint64_t>(range.step->count());
  const std::uint64_t span = distance(range.from.ns, range.to.ns);
  const std::uint64_t windows = span / step + (span % step != 0);
  if (windows > range.rows)
    return fail(Code::invalid_input, "query: " + std::to_string(windows) + " windows, at most " +
                                         std::to_string(range.rows) +
                                         " allowed; choose a longer step or a shorter range");
  return {};
}

Query::Query(QueryRange range) : range_(std::move(range)) {
  if (range_.step && range_.aggregates.empty()) range_.aggregates.push_back(Aggregate::mean);
  if (!range_.step || range_.step->count() <= 0 || range_.from.ns != open_from) return;
  // From an open end windows are counted so that one begins at 1970.
  const std::int64_t step = range_.step->count();
  const std::int64_t rest = open_from % step;
  offset_ = static_cast<std::uint64_t>(rest < 0 ? rest + step : 0);
}

// Saturates below the largest, so that every time lies before some window's limit.
std::uint64_t Query::since_window_zero(std::int64_t time) const {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - 1;
  std::uint64_t since = distance(range_.from.ns, time);
  if (__builtin_add_overflow(since, offset_, &since)) return most;
  return std::min(since, most);
}

std::uint64_t Query::window_index(std::int64_t time) const {
  return since_window_zero(time) / static_cast<std::uint64_t>(range_.step->count());
}

std::uint64_t Query::window_limit(std::uint64_t index) const {
  const auto step = static_cast<std::uint64_t>(range_.step->count());
  std::uint64_t limit = 0;
  if (__builtin_add_overflow(index * step, step, &limit))
    return std::numeric_limits<std::uint64_t>::max();
  return limit;
}

std::int64_t Query::window_start(std::uint64_t index) const {
  const std::uint64_t since = index * static_cast<std::uint64_t>(range_.step->count());
  if (since < offset_) return range_.from.ns;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(range_.from.ns) + since - offset_);
}

Query::Place Query::place(const model::BlockSummary& summary) const {
  const std::int64_t first = summary.first_time.ns, last = summary.last_time.ns;
  if (summary.count == 0 || last < range_.from.ns || first >= range_.to.ns) return Place::outside;
  if (range_.want == QueryRange::Want::frames) return Place::decode;
  if (!range_.step) return horizon_ && first >= *horizon_ ? Place::too_late : Place::decode;
  const bool inside = first >= range_.from.ns && last < range_.to.ns;
  return inside && window_index(first) == window_index(last) ? Place::from_header : Place::decode;
}

bool Query::needs_frame(const model::BlockSummary& summary) const {
  return validate(range_).has_value() && place(summary) == Place::decode;
}

Result<void> Query::set_kind(Kind kind) {
  if (!has_kind_) {
    result_.kind = result_.readings.kind = kind;
    has_kind_ = true;
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
  if (range_.want == QueryRange::Want::frames && where == Place::decode) return add_frame(frame);
  if (codec::is_sealed(summary) && where != Place::outside)
    return fail(Code::denied,
                "query: its blocks are sealed; `selvedge series export --unseal KEY` reads them with a "
                "recipient's key");
  switch (where) {
    case Place::outside: return summary.first_time < range_.to;
    case Place::too_late: result_.truncated = true; return false;
    case Place::from_header:
      TRY(set_kind(summary.kind));
      ++result_.blocks_from_header;
      TRY(add_header(summary));
      return true;
    case Place::decode: break;
  }
  TRY(base::while_doing("query", codec::decode_frame(frame, scratch_)));
  TRY(set_kind(scratch_.kind));
  ++result_.blocks_decoded;
  if (range_.step) TRY(add_windows(scratch_));
  else add_readings(scratch_);
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
    if (range_.step) TRY(add_windows(columns));
    else add_readings(columns);
    return true;
  }
  scratch_ = columns;
  sort_by_time(scratch_);
  if (range_.step) TRY(add_windows(scratch_));
  else add_readings(scratch_);
  return true;
}

Result<Query::Window*> Query::window(std::int64_t time) {
  const auto [found, is_new] = windows_.try_emplace(window_index(time));
  Window& window = found->second;
  if (!is_new) return &window;
  if (windows_.size() > range_.rows)
    return fail(Code::invalid_input, "query: more than " + std::to_string(range_.rows) +
                                         " windows hold readings; choose a longer step");
  window.row.start = {window_start(found->first)};
  window.row.min = std::numeric_limits<double>::infinity();
  window.row.max = -window.row.min;
  window.first_time = std::numeric_limits<std::int64_t>::max();
  window.last_time = std::numeric_limits<std::int64_t>::min();
  return &window;
}

namespace {

// Neumaier's sum, as the block headers have it.
void add_to_sum(double& sum, double& lost, double value) {
  const double next = sum + value;
  lost += std::fabs(sum) >= std::fabs(value) ? (sum - next) + value : (value - next) + sum;
  sum = next;
}

}  // namespace

Result<void> Query::add_header(const model::BlockSummary& summary) {
  Window& window = *TRY(this->window(summary.first_time.ns));
  WindowRow& row = window.row;
  // Of equal times the first fed is first, and the last fed last.
  if (row.count == 0 || summary.first_time.ns < window.first_time) {
    window.first_time = summary.first_time.ns;
    row.first = summary.first;
  }
  if (row.count == 0 || summary.last_time.ns >= window.last_time) {
    window.last_time = summary.last_time.ns;
    row.last = summary.last;
  }
  row.count += summary.count;
  row.nan_count += summary.nan_count;
  if (summary.nan_count == summary.count) return {};
  row.min = std::min(row.min, summary.min);
  row.max = std::max(row.max, summary.max);
  add_to_sum(row.sum, window.lost, summary.sum);
  return {};
}

Result<void> Query::add_windows(const codec::Columns& columns) {
  const auto& times = columns.times;
  const auto index_of = [&](std::int64_t time) {
    return static_cast<std::size_t>(std::lower_bound(times.begin(), times.end(), time) - times.begin());
  };
  const std::size_t end = index_of(range_.to.ns);
  for (std::size_t i = index_of(range_.from.ns); i < end;) {
    Window& window = *TRY(this->window(times[i]));
    const std::uint64_t index = window_index(times[i]);
    WindowRow& row = window.row;
    if (row.count == 0 || times[i] < window.first_time) {
      window.first_time = times[i];
      row.first = number_at(columns, i);
    }
    const std::uint64_t limit = window_limit(index);
    std::size_t last = i;
    for (; i < end && since_window_zero(times[i]) < limit; last = i++) {
      const double value = number_at(columns, i);
      ++row.count;
      if (std::isnan(value)) {
        ++row.nan_count;
        continue;
      }
      row.min = value < row.min ? value : row.min;
      row.max = value > row.max ? value : row.max;
      add_to_sum(row.sum, window.lost, value);
    }
    if (times[last] >= window.last_time) {
      window.last_time = times[last];
      row.last = number_at(columns, last);
    }
  }
  return {};
}

void Query::add_readings(const codec::Columns& columns) {
  const auto& times = columns.times;
  const std::int64_t stop = horizon_ ? std::min(*horizon_, range_.to.ns) : range_.to.ns;
  const auto begin = std::lower_bound(times.begin(), times.end(), range_.from.ns);
  auto end = std::lower_bound(begin, times.end(), stop);
  if (end != times.end() && *end < range_.to.ns) result_.truncated = true;
  codec::Columns& kept = result_.readings;
  // A block may hold many more than `rows`; the rest of it could never be in the answer.
  const auto most = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
      range_.rows, codec::max_readings_per_block));
  if (end - begin > most) {
    end = begin + most;
    result_.truncated = true;
  }
  append(kept, columns, static_cast<std::size_t>(begin - times.begin()),
         static_cast<std::size_t>(end - times.begin()));
  // The first time as soon as there is enough, to learn the horizon; then seldom.
  const std::uint64_t room = horizon_ ? 2 : 1;
  if (kept.size() / room >= range_.rows || kept.text_bytes.size() / room >= range_.text_bytes)
    merge();
}

// Puts what was collected into order and cuts it to the bounds.
void Query::merge() {
  codec::Columns& kept = result_.readings;
  sort_by_time(kept);
  std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(kept.size(), range_.rows));
  if (kept.kind == Kind::text) {
    const auto fits = std::upper_bound(kept.text_ends.begin(), kept.text_ends.end(),
                                       std::min<std::uint64_t>(range_.text_bytes, UINT32_MAX));
    count = std::min(count, static_cast<std::size_t>(fits - kept.text_ends.begin()));
  }
  if (count < kept.size()) {
    result_.truncated = true;
    horizon_ = kept.times[count];
    keep_first(kept, count);
  }
  // Whatever comes at or after the last one kept comes behind it.
  if (count == range_.rows) horizon_ = kept.times.back();
}

Result<QueryResult> Query::finish() {
  TRY(validate(range_));
  merge();
  for (auto& [index, window] : windows_) {
    WindowRow& row = window.row;
    const double corrected = row.sum + window.lost;
    if (std::isfinite(corrected)) row.sum = corrected;
    if (row.nan_count == row.count)
      row.min = row.max = row.sum = std::numeric_limits<double>::quiet_NaN();
    result_.windows.push_back(row);
  }
  std::sort(result_.windows.begin(), result_.windows.end(),
            [](const WindowRow& a, const WindowRow& b) { return a.start < b.start; });
  windows_.clear();
  return std::move(result_);
}

}  // namespace selvedge::engine
