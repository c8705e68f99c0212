// Delivered: which blocks the cloud has, as a floor and ranges above it.
//
// At most `max_ranges` ranges are kept; a further one is forgotten, which only means that those
// blocks are sent again.

#pragma once

#include <cstdint>
#include <vector>

#include "base/wire.h"
#include "model/block.h"

namespace selvedge::store {

class Delivered {
 public:
  static constexpr std::size_t max_ranges = 4096;

  struct Range {
    std::uint64_t first = 0, last = 0;
  };

  // Yields how many were not marked before.
  std::uint64_t add(std::uint64_t first, std::uint64_t last);
  bool contains(std::uint64_t seq) const;
  bool contains_all(std::uint64_t first, std::uint64_t last) const;
  // How many of first..last are marked.
  std::uint64_t count(std::uint64_t first, std::uint64_t last) const;
  // The first at or after `seq` that is not marked.
  std::uint64_t first_missing(std::uint64_t seq) const;
  std::uint64_t floor() const { return floor_; }  // it and all before are marked

  void put(base::Writer& out) const;
  // Adds what was put; false if it is damaged.
  bool take(base::Reader& in);

 private:
  std::uint64_t floor_ = 0;
  std::vector<Range> ranges_;  // ascending, apart from each other, above floor_ + 1
};

}  // namespace selvedge::store
