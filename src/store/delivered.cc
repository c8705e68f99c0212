#include "store/delivered.h"

#include <algorithm>

namespace selvedge::store {

std::uint64_t Delivered::add(std::uint64_t first, std::uint64_t last) {
  first = std::max(first, floor_ + 1);
  if (last < first) return 0;
  const std::uint64_t added = last - first + 1 - count(first, last);
  // Every range that touches or overlaps first..last melts into it.
  const auto from = std::find_if(ranges_.begin(), ranges_.end(),
                                 [&](const Range& r) { return r.last + 1 >= first; });
  auto to = from;
  for (; to != ranges_.end() && to->first <= last + 1; ++to) {
    first = std::min(first, to->first);
    last = std::max(last, to->last);
  }
  const auto at = ranges_.erase(from, to);
  if (first <= floor_ + 1) {
    floor_ = last;
  } else if (ranges_.size() < max_ranges) {
    ranges_.insert(at, {first, last});
  } else {
    return 0;
  }
  return added;
}

bool Delivered::contains(std::uint64_t seq) const { return first_missing(seq) != seq; }

bool Delivered::contains_all(std::uint64_t first, std::uint64_t last) const {
  return last < first || first_missing(first) > last;
}

std::uint64_t Delivered::count(std::uint64_t first, std::uint64_t last) const {
  if (last < first) return 0;
  std::uint64_t n = first <= floor_ ? std::min(last, floor_) - first + 1 : 0;
  for (const Range& r : ranges_) {
    if (r.first > last) break;
    if (r.last >= first) n += std::min(r.last, last) - std::max(r.first, first) + 1;
  }
  return n;
}

std::uint64_t Delivered::first_missing(std::uint64_t seq) const {
  if (seq <= floor_) seq = floor_ + 1;
  const auto at = std::lower_bound(ranges_.begin(), ranges_.end(), seq,
                                   [](const Range& r, std::uint64_t s) { return r.last < s; });
  return at != ranges_.end() && at->first <= seq ? at->last + 1 : seq;
}

void Delivered::put(base::Writer& out) const {
  out.varint(floor_);
  out.varint(ranges_.size());
  std::uint64_t before = floor_;
  for (const Range& r : ranges_) {
    out.varint(r.first - before);
    out.varint(r.last - r.first);
    before = r.last;
  }
}

bool Delivered::take(base::Reader& in) {
  const std::uint64_t floor = in.varint();
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > max_ranges) return false;
  add(1, floor);
  std::uint64_t before = floor;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t first = before + in.varint();
    const std::uint64_t last = first + in.varint();
    if (!in.ok() || first <= before || last < first) return false;
    add(first, last);
    before = last;
  }
  return true;
}

}  // namespace selvedge::store
