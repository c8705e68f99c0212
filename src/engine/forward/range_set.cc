#include "engine/forward/range_set.h"

#include <algorithm>

namespace selvedge::engine {

bool RangeSet::add(std::uint64_t first, std::uint64_t last) {
  auto next = ranges_.upper_bound(first);
  // A range that overlaps or touches from the left takes the new one in.
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (before->second + 1 >= first) {
      first = before->first;
      last = std::max(last, before->second);
      next = before;
    }
  }
  auto end = next;
  for (; end != ranges_.end() && end->first <= last + 1; ++end) last = std::max(last, end->second);
  if (next == end && ranges_.size() >= limit_) return false;
  ranges_.erase(next, end);
  ranges_.emplace(first, last);
  return true;
}

void RangeSet::remove(std::uint64_t first, std::uint64_t last) {
  auto at = ranges_.upper_bound(first);
  if (at != ranges_.begin() && std::prev(at)->second >= first) --at;
  while (at != ranges_.end() && at->first <= last) {
    const auto [from, to] = *at;
    at = ranges_.erase(at);
    if (from < first) ranges_.emplace(from, first - 1);
    if (to <= last) continue;
    // One too many is better than forgetting a part that was not to be removed.
    ranges_.emplace(last + 1, to);
    return;
  }
}

std::optional<RangeSet::Range> RangeSet::find(std::uint64_t number) const {
  const auto after = ranges_.upper_bound(number);
  if (after == ranges_.begin()) return std::nullopt;
  const auto at = std::prev(after);
  if (at->second < number) return std::nullopt;
  return *at;
}

std::optional<std::uint64_t> RangeSet::next_start(std::uint64_t number) const {
  const auto after = ranges_.upper_bound(number);
  if (after == ranges_.end()) return std::nullopt;
  return after->first;
}

std::vector<RangeSet::Range> RangeSet::inside(std::uint64_t first, std::uint64_t last) const {
  std::vector<Range> parts;
  auto at = ranges_.upper_bound(first);
  if (at != ranges_.begin() && std::prev(at)->second >= first) --at;
  for (; at != ranges_.end() && at->first <= last; ++at)
    parts.emplace_back(std::max(first, at->first), std::min(last, at->second));
  return parts;
}

std::vector<RangeSet::Range> RangeSet::outside(std::uint64_t first, std::uint64_t last) const {
  std::vector<Range> parts;
  for (const auto& [from, to] : inside(first, last)) {
    if (from > first) parts.emplace_back(first, from - 1);
    first = to + 1;
  }
  if (first <= last) parts.emplace_back(first, last);
  return parts;
}

}  // namespace selvedge::engine
