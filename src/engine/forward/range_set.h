// RangeSet: a set of block numbers, kept as ranges, at most `limit` of them. Pure.

#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace selvedge::engine {

class RangeSet {
 public:
  using Range = std::pair<std::uint64_t, std::uint64_t>;  // first and last, inclusive

  explicit RangeSet(std::size_t limit) : limit_(limit) {}

  // False, and nothing is added, if that would make more than `limit` ranges.
  bool add(std::uint64_t first, std::uint64_t last);
  void remove(std::uint64_t first, std::uint64_t last);

  // The range that holds `number`.
  std::optional<Range> find(std::uint64_t number) const;
  // Where the first range that begins after `number` begins.
  std::optional<std::uint64_t> next_start(std::uint64_t number) const;
  // The parts of first..last that are in the set, or that are not.
  std::vector<Range> inside(std::uint64_t first, std::uint64_t last) const;
  std::vector<Range> outside(std::uint64_t first, std::uint64_t last) const;

  std::size_t ranges() const { return ranges_.size(); }
  bool empty() const { return ranges_.empty(); }
  void clear() { ranges_.clear(); }

 private:
  std::size_t limit_;
  std::map<std::uint64_t, std::uint64_t> ranges_;  // first to last; apart by at least one
};

}  // namespace selvedge::engine
