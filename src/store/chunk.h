// Chunk: a piece of memory for the open readings of a series, and the pool of them.
//
// A reading takes 8 bytes of value and 4 to 8 of time: values grow from the front of a chunk, times from
// its end, as offsets from the chunk's first time in the coarsest unit and fewest bytes that hold them.
// A time that does not fit widens what is there already, so that any order and any int64 goes in.
// A clock of whole milliseconds, microseconds or seconds takes 12.1 to 12.4 bytes a reading.
//
// The pool keeps what it allocates up to its bound and hands it out again. Belongs to one thread.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace selvedge::store {

// How the times of a chunk are kept, each able to hold more than the one before: unit and bytes.
enum class TimeCoding : std::uint8_t { s4, ms4, us4, ns4, us5, ns5, ns6, ns8 };

class Chunk {
 public:
  // Payloads hold whole numbers of readings at 12, 14 and 16 bytes.
  enum class Size : std::uint8_t { small, medium, large };
  static constexpr std::array<std::uint32_t, 3> payloads = {96, 1008, 4032};
  static constexpr std::size_t bytes(Size size);
  static constexpr std::size_t most_readings = 4032 / 12;

  Chunk(Size size, TimeCoding coding) : size_(size), coding_(coding) {}

  // `value` is a double's bits, an integer, 0 or 1, or the length of a text. False if full.
  bool add(std::int64_t time, std::uint64_t value);
  // Whether one more would go in whatever its time is.
  bool surely_fits_one() const { return 16u * (count_ + 1u) <= payload(); }

  std::uint32_t count() const { return count_; }
  TimeCoding coding() const { return coding_; }
  Size size() const { return size_; }
  std::int64_t time(std::uint32_t i) const;
  void copy_times(std::int64_t* into) const;      // count() of them
  const std::uint64_t* values() const { return reinterpret_cast<const std::uint64_t*>(this + 1); }

  Chunk* next = nullptr;

 private:
  std::uint32_t payload() const { return payloads[static_cast<std::size_t>(size_)]; }
  std::uint8_t* end() const {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(this + 1)) + payload();
  }
  bool widen(std::int64_t time);

  std::int64_t base_ = 0;                        // the first time
  std::uint32_t count_ = 0;
  Size size_;
  TimeCoding coding_;
};
static_assert(sizeof(Chunk) == 24);

constexpr std::size_t Chunk::bytes(Size size) {
  return sizeof(Chunk) + payloads[static_cast<std::size_t>(size)];
}

class ChunkPool {
 public:
  explicit ChunkPool(std::uint64_t limit) : limit_(limit) {}
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;

  // May go beyond the bound: the caller keeps it by asking within() first.
  Chunk* take(Chunk::Size size, TimeCoding coding);
  void give_back(Chunk* first);

  // Text lies outside the chunks but counts.
  void count_text(std::int64_t bytes) { in_use_ += static_cast<std::uint64_t>(bytes); }
  std::uint64_t in_use() const { return in_use_; }
  bool within(std::uint64_t more) const { return in_use_ + more <= limit_; }
  std::uint64_t limit() const { return limit_; }
  void set_limit(std::uint64_t bytes) { limit_ = bytes; }

 private:
  void release(Chunk*& list);
  Chunk*& free_of(Chunk::Size size) { return free_[static_cast<std::size_t>(size)]; }

  std::uint64_t limit_;
  std::uint64_t in_use_ = 0;
  std::uint64_t idle_ = 0;                       // in the free lists
  std::array<Chunk*, 3> free_{};
};

}  // namespace selvedge::store
