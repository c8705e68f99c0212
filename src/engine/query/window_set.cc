#include "engine/query/window_set.h"

#include <algorithm>

namespace selvedge::engine {
namespace {

using base::Code;
using base::Result;

std::uint64_t add_up_to_most(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}

std::unexpected<base::Error> too_many(std::uint64_t most) {
  return base::fail(Code::invalid_input, "query: more than " + std::to_string(most) +
                                             " windows hold readings; choose a longer step");
}

std::unexpected<base::Error> too_much(std::uint64_t most) {
  return base::fail(Code::exhausted, "query: the quantiles of so many windows take more than " +
                                         std::to_string(most >> 20) +
                                         " MiB; choose a longer step or a shorter range");
}

}  // namespace

WindowSet::WindowSet(const QueryRange& range)
    : range_(range),
      needs_(range),
      grid_(range),
      overlap_(static_cast<std::uint64_t>(range.window_length().count() / range.step->count())),
      most_(std::min(range.rows, QueryRange::most_windows)) {}

Result<WindowPart*> WindowSet::part(std::uint64_t index) {
  const auto [found, is_new] = parts_.try_emplace(index);
  // A step that is only held has a part too. rows() counts what comes out.
  if (is_new && parts_.size() > (needs_.ordered ? 2 * most_ + 2 * overlap_ : most_)) return too_many(most_);
  return &found->second;
}

Result<void> WindowSet::grow_sketches(const WindowPart& part, std::size_t before) {
  sketch_bytes_ += part.sketch_bytes() - before;
  if (sketch_bytes_ > range_.sketch_bytes) return too_much(range_.sketch_bytes);
  return {};
}

Result<void> WindowSet::add_header(const model::BlockSummary& summary, std::span<const double> values) {
  WindowPart& part = *TRY(this->part(grid_.index(summary.first_time.ns)));
  const std::size_t before = part.sketch_bytes();
  part.add_header(summary);
  if (values.empty()) return {};
  part.add_beyond_header(values, needs_);
  return grow_sketches(part, before);
}

Result<void> WindowSet::add(std::span<const std::int64_t> times, std::span<const double> values) {
  for (std::size_t begin = 0; begin < times.size();) {
    const std::uint64_t index = grid_.index(times[begin]), limit = grid_.limit(index);
    WindowPart& part = *TRY(this->part(index));
    std::size_t end = begin + 1;
    while (end < times.size() && grid_.since_zero(times[end]) < limit) ++end;
    if (values.empty()) {
      part.add_times(times[begin], times[end - 1], end - begin);
    } else {
      const std::size_t before = part.sketch_bytes();
      part.add_values(times[begin], times[end - 1], values.subspan(begin, end - begin), needs_);
      TRY(grow_sketches(part, before));
    }
    begin = end;
  }
  return {};
}

Result<void> WindowSet::hold(std::int64_t from, std::int64_t to, double value) {
  while (from < to) {
    const std::uint64_t index = grid_.index(from);
    const std::uint64_t left = grid_.limit(index) - grid_.since_zero(from);
    const std::uint64_t wanted = static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
    const std::uint64_t length = std::min(left, wanted);
    TRY(part(index))->hold(value, length);
    from = static_cast<std::int64_t>(static_cast<std::uint64_t>(from) + length);
  }
  return {};
}

Result<void> WindowSet::increase(std::int64_t time, double by) {
  TRY(part(grid_.index(time)))->increase(by);
  return {};
}

WindowRow WindowSet::row(std::uint64_t index, const WindowPart& part) const {
  WindowRow row = part.row(range_);
  row.start = {grid_.start(index)};
  const std::int64_t length = range_.window_length().count();
  const std::uint64_t left =
      static_cast<std::uint64_t>(range_.to.ns) - static_cast<std::uint64_t>(row.start.ns);
  row.seconds = static_cast<double>(std::min(static_cast<std::uint64_t>(length), left)) * 1e-9;
  return row;
}

bool WindowSet::comes_out(const WindowPart& part) const {
  return part.count() > 0 || (range_.hold && part.is_held());
}

Result<std::vector<WindowRow>> WindowSet::rows() {
  std::vector<std::pair<std::uint64_t, WindowPart>> steps;
  steps.reserve(parts_.size());
  // Erased on the way: a moved part still holds its node.
  while (!parts_.empty()) {
    const auto part = parts_.begin();
    steps.emplace_back(part->first, std::move(part->second));
    parts_.erase(part);
  }
  std::sort(steps.begin(), steps.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<WindowRow> rows;
  if (overlap_ > 1) {
    TRY(slide(steps, rows));
    return rows;
  }
  for (const auto& [index, part] : steps)
    if (comes_out(part)) rows.push_back(row(index, part));
  if (rows.size() > most_) return too_many(most_);
  return rows;
}

// A queue of two stacks: of the steps in front each holds what it and those behind it in its stack come
// to, of those at the back their sum is known. Each step is joined a few times, however long the window.
Result<void> WindowSet::slide(std::vector<std::pair<std::uint64_t, WindowPart>>& steps,
                              std::vector<WindowRow>& rows) const {
  const auto first_window = [&](std::uint64_t step) { return step - std::min(step, overlap_ - 1); };
  std::size_t begin = 0, turned = 0, end = 0;   // [begin, turned) in front, [turned, end) at the back
  WindowPart back;
  std::uint64_t window = 0;
  while (begin < steps.size()) {
    if (begin == end) window = std::max(window, first_window(steps[begin].first));
    const std::uint64_t last = add_up_to_most(window, overlap_ - 1);
    for (; end < steps.size() && steps[end].first <= last; ++end) back.join(steps[end].second);
    for (; begin < end && steps[begin].first < window; ++begin) {
      if (begin < turned) continue;
      std::size_t sketches = steps[end - 1].second.sketch_bytes();
      for (std::size_t i = end - 1; i-- > begin;) {
        steps[i].second.join(steps[i + 1].second);
        sketches += steps[i].second.sketch_bytes();
      }
      if (sketches > range_.sketch_bytes) return too_much(range_.sketch_bytes);
      turned = end;
      back = {};
    }
    if (begin == end) continue;
    WindowPart whole;
    if (begin < turned) whole.join(steps[begin].second);
    whole.join(back);
    if (comes_out(whole)) {
      if (rows.size() >= most_) return too_many(most_);
      rows.push_back(row(window, whole));
    }
    ++window;
  }
  return {};
}

}  // namespace selvedge::engine
