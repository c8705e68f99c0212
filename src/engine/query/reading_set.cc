#include "engine/query/reading_set.h"

#include <algorithm>

#include "codec/series/columns.h"

namespace selvedge::engine {
namespace {

using model::Kind;

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

void keep_first(codec::Columns& columns, std::size_t count) {
  columns.times.resize(count);
  if (columns.kind == Kind::float64) columns.float64.resize(count);
  else if (columns.kind != Kind::text) columns.int64.resize(count);
  if (columns.kind != Kind::text) return;
  columns.text_ends.resize(count);
  columns.text_bytes.resize(count == 0 ? 0 : columns.text_ends.back());
}

}  // namespace

void ReadingSet::add(const codec::Columns& columns) {
  const auto& times = columns.times;
  const std::int64_t stop = horizon_ ? std::min(*horizon_, range_.to.ns) : range_.to.ns;
  const auto begin = std::lower_bound(times.begin(), times.end(), range_.from.ns);
  auto end = std::lower_bound(begin, times.end(), stop);
  if (end != times.end() && *end < range_.to.ns) truncated_ = true;
  // A block may hold many more than `rows`; the rest of it could never be in the answer.
  const auto most = static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(
      range_.rows, codec::max_readings_per_block));
  if (end - begin > most) {
    end = begin + most;
    truncated_ = true;
  }
  kept_.kind = columns.kind;
  append(kept_, columns, static_cast<std::size_t>(begin - times.begin()),
         static_cast<std::size_t>(end - times.begin()));
  // The first time as soon as there is enough, to learn the horizon; then seldom.
  const std::uint64_t room = horizon_ ? 2 : 1;
  if (kept_.size() / room >= range_.rows || kept_.text_bytes.size() / room >= range_.text_bytes)
    merge();
}

// Puts what was collected into order and cuts it to the bounds.
void ReadingSet::merge() {
  if (!std::is_sorted(kept_.times.begin(), kept_.times.end())) {
    codec::Columns sorted;
    codec::sort_by_time(kept_, sorted);
    kept_ = std::move(sorted);
  }
  std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(kept_.size(), range_.rows));
  if (kept_.kind == Kind::text) {
    const auto fits = std::upper_bound(kept_.text_ends.begin(), kept_.text_ends.end(),
                                       std::min<std::uint64_t>(range_.text_bytes, UINT32_MAX));
    count = std::min(count, static_cast<std::size_t>(fits - kept_.text_ends.begin()));
  }
  if (count < kept_.size()) {
    truncated_ = true;
    horizon_ = kept_.times[count];
    keep_first(kept_, count);
  }
  // Whatever comes at or after the last one kept comes behind it.
  if (count == range_.rows) horizon_ = kept_.times.back();
}

codec::Columns ReadingSet::finish(bool& truncated) {
  merge();
  truncated |= truncated_;
  return std::move(kept_);
}

}  // namespace selvedge::engine
