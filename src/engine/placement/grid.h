// Grid: nodes by how much processor and memory they have free, in 64 by 64 cells.
//
// Each resource has 64 levels: eight an octave over the six octaves below the largest node, four an octave over four
// more; what is smaller shares level 0. A level never decides whether a task fits, only where to look: a node that fits
// lies in a cell at or above the levels of the request in both. One bit tells a cell that is not empty, kept twice: by rows, for the rules that
// want room, and by diagonals (the sum of the two levels, so the logarithm of the product of what is free), for those
// that want a tight fit: the first cell of the first diagonal is the tightest, found without a search.
//
// What decisions change of a node is one cache line, its Room. What a search reads of it stands in its cell, beside
// that of its neighbours there, so that a search touches no Room but the chosen one's. Within a cell nodes stand
// in the order in which moves left them. `restore` undoes the last `erase` exactly, order included, so that a trial that
// is given up leaves no trace.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/placement/limits.h"
#include "model/resources.h"

namespace selvedge::engine::placement {

// Levels of one resource.
class Levels {
 public:
  static constexpr std::uint32_t count = 64;

  // Makes room for `most`; never narrows. True if levels have changed.
  bool widen(std::uint64_t most) {
    const int width = static_cast<int>(std::bit_width(most));
    if (width <= 12 + shift_) return false;
    shift_ = width - 12;
    return true;
  }
  std::uint32_t of(std::uint64_t value) const {
    // What is larger than any node shares the highest level.
    const auto steps = static_cast<std::uint32_t>(std::min<std::uint64_t>(value >> shift_, 4095));
    const auto octave = static_cast<std::uint32_t>(std::bit_width(steps | 4)) - 3;      // 0 to 9
    const bool fine = octave >= 4;
    const std::uint32_t level = fine ? octave * 8 - 16 + (steps >> (octave - 1) & 7) : octave * 4 + (steps >> octave & 3);
    return steps < 4 ? 0 : level;
  }
  // No value of this level or of one below is as large.
  std::uint64_t above(std::uint32_t level) const {
    const std::uint64_t steps = level < 16 ? (5 + std::uint64_t{level} % 4) << (level / 4)
                                           : (9 + std::uint64_t{level} % 8) << (level / 8 + 1);
    return steps << shift_;
  }
  int shift() const { return shift_; }

 private:
  int shift_ = 0;
};

using Cell = std::uint16_t;                       // row * 64 + column: processor, memory
inline constexpr Cell nowhere = 0xFFFF;

struct GridPlace {
  std::uint32_t at = 0;                           // in its cell
  Cell cell = nowhere;
};

// What decides whether a task fits on a node. Free amounts are below 0 on a node that has become smaller than its load.
struct alignas(64) Room {
  std::int64_t memory = 0, disk = 0;              // free
  std::int64_t memory_capacity = 0, disk_capacity = 0;
  std::int32_t cpu = 0, cpu_capacity = 0;
  std::uint32_t first_task = none;
  std::uint16_t devices = 0;                      // accelerators, in all
  bool known = false;                             // false: the number is free
  bool takes = false;                             // tasks: it is ready, and held for nobody
  GridPlace place;
};
static_assert(sizeof(Room) == 64);

// Of a node in a cell, as its Room has it.
class Spot {
 public:
  Spot() = default;
  Spot(NodeId node, const Room& room)
      : memory(room.memory), cpu(room.cpu), node_(node | (room.devices > 0 ? accelerated_bit : 0)), cpu_capacity(room.cpu_capacity),
        memory_capacity(static_cast<float>(room.memory_capacity)) {}
  NodeId node() const { return node_ & ~accelerated_bit; }
  bool accelerated() const { return (node_ & accelerated_bit) != 0; }

  std::int64_t memory = 0;                        // free
  std::int32_t cpu = 0;

 private:
  static constexpr std::uint32_t accelerated_bit = std::uint32_t{1} << 31;
  std::uint32_t node_ = 0;

 public:
  std::int32_t cpu_capacity = 0;
  float memory_capacity = 0;                      // rounded
};
static_assert(sizeof(Spot) == 24);

// The nodes of a cell: two within its cache line, which is all that most cells have, more apart.
class alignas(64) Spots {
 public:
  std::uint32_t size() const { return size_; }
  const Spot* begin() const { return size_ <= near ? near_.data() : far_.get(); }
  std::span<const Spot> all() const { return {begin(), size_}; }
  Spot& operator[](std::uint32_t at) { return (size_ <= near ? near_.data() : far_.get())[at]; }
  void push(const Spot& spot) {
    const std::uint32_t at = size_++;
    if (at < near) {
      near_[at] = spot;
      return;
    }
    if (at >= room_) widen(at);
    if (at == near) std::copy(near_.begin(), near_.end(), far_.get());
    far_[at] = spot;
  }
  void pop() {
    if (--size_ == near) std::copy_n(far_.get(), near, near_.begin());
  }

 private:
  static constexpr std::uint32_t near = 2;
  void widen(std::uint32_t kept) {
    const std::uint32_t room = std::max<std::uint32_t>(8, room_ * 2);
    auto wider = std::make_unique<Spot[]>(room);
    if (kept > near) std::copy_n(far_.get(), kept, wider.get());
    far_ = std::move(wider);
    room_ = room;
  }

  std::uint32_t size_ = 0, room_ = 0;
  std::unique_ptr<Spot[]> far_;
  std::array<Spot, near> near_;
};
static_assert(sizeof(Spots) == 64);

class Grid {
 public:
  Room& room(NodeId node) { return rooms_[node]; }
  const Room& room(NodeId node) const { return rooms_[node]; }
  std::size_t size() const { return rooms_.size(); }
  void grow() { rooms_.emplace_back(); }

  void insert(NodeId node, Cell cell) {
    Spots& spots = cells_[cell];
    rooms_[node].place = {spots.size(), cell};
    spots.push({node, rooms_[node]});
    if (spots.size() == 1) mark(cell);
    ++count_;
  }
  void erase(NodeId node) {
    GridPlace& place = rooms_[node].place;
    Spots& spots = cells_[place.cell];
    const std::uint32_t last = spots.size() - 1;
    if (place.at != last) {
      spots[place.at] = spots[last];
      rooms_[spots[last].node()].place.at = place.at;
    }
    spots.pop();
    if (spots.size() == 0) mark(place.cell);
    place.cell = nowhere;
    --count_;
  }
  // What is free on it changed, but not its cell.
  void update(NodeId node) {
    const GridPlace place = rooms_[node].place;
    cells_[place.cell][place.at] = {node, rooms_[node]};
  }
  // Puts the node that was erased last back to where it was.
  void restore(NodeId node, GridPlace place) {
    Spots& spots = cells_[place.cell];
    const std::uint32_t last = spots.size();
    spots.push({node, rooms_[node]});
    if (last == 0) mark(place.cell);
    if (place.at != last) {
      std::swap(spots[last], spots[place.at]);
      rooms_[spots[last].node()].place.at = last;
    }
    rooms_[node].place = place;
    ++count_;
  }

  std::uint32_t count() const { return count_; }  // of nodes in cells
  std::span<const Spot> spots(std::uint32_t row, std::uint32_t column) const { return cells_[row * 64 + column].all(); }
  const Spots& cell(std::uint32_t row, std::uint32_t column) const { return cells_[row * 64 + column]; }
  std::span<const Spot> spots(Cell cell) const { return cells_[cell].all(); }
  std::uint64_t rows() const { return rows_; }
  std::uint64_t columns(std::uint32_t row) const { return columns_[row]; }
  // The rows of the cells that are not empty and whose levels add up to `sum`.
  // Up to four beyond the last may be asked for.
  std::uint64_t diagonal(std::uint32_t sum) const { return diagonals_[sum]; }
  static constexpr std::uint32_t diagonals = 127, cells = 4096;

 private:
  void mark(Cell cell) {
    const std::uint32_t row = cell / 64, column = cell % 64;
    columns_[row] ^= std::uint64_t{1} << column;
    diagonals_[row + column] ^= std::uint64_t{1} << row;
    const std::uint64_t bit = std::uint64_t{1} << row;
    rows_ = columns_[row] ? rows_ | bit : rows_ & ~bit;
  }

  std::uint64_t rows_ = 0;
  std::uint32_t count_ = 0;
  std::array<std::uint64_t, 64> columns_{};
  std::array<std::uint64_t, diagonals + 4> diagonals_{};
  std::vector<Spots> cells_ = std::vector<Spots>(cells);
  std::vector<Room> rooms_;
};

}  // namespace selvedge::engine::placement
