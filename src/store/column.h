// Column: the readings of one series that are not in a block yet, in chunks from a pool.
//
// A column starts with a chunk of 8 readings, so that a hundred thousand slow series fit in memory,
// and goes on in chunks of 64. The pool keeps what it allocates up to its bound and hands it out
// again; a column never holds memory when it is empty.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "codec/series/frame.h"
#include "model/reading.h"

namespace selvedge::store {

// Chunk of `capacity` readings; the arrays lie behind it.
struct Chunk {
  Chunk* next = nullptr;
  std::uint32_t capacity = 0;

  std::int64_t* times() { return reinterpret_cast<std::int64_t*>(this + 1); }
  std::uint64_t* values() { return reinterpret_cast<std::uint64_t*>(times() + capacity); }
  static std::size_t bytes(std::uint32_t capacity) { return sizeof(Chunk) + capacity * 16ULL; }
};

class ChunkPool {
 public:
  static constexpr std::uint32_t small = 8, large = 64;

  explicit ChunkPool(std::uint64_t limit) : limit_(limit) {}
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;

  // May go beyond the bound: the caller keeps it by asking within() first.
  Chunk* take(std::uint32_t capacity);
  void give_back(Chunk* first);

  // Text lies outside the chunks but counts.
  void count_text(std::int64_t bytes) { in_use_ += static_cast<std::uint64_t>(bytes); }
  std::uint64_t in_use() const { return in_use_; }
  bool within(std::uint64_t more) const { return in_use_ + more <= limit_; }
  std::uint64_t limit() const { return limit_; }
  void set_limit(std::uint64_t bytes) { limit_ = bytes; }

 private:
  void release(Chunk*& list);

  std::uint64_t limit_;
  std::uint64_t in_use_ = 0;
  std::uint64_t idle_ = 0;   // in the free lists
  Chunk* free_small_ = nullptr;
  Chunk* free_large_ = nullptr;
};

class Column {
 public:
  std::uint32_t size() const { return size_; }
  std::size_t text_bytes() const { return text_.size(); }
  bool sorted() const { return sorted_; }
  std::int64_t first_time() const { return first_time_; }  // smallest
  std::int64_t last_time() const { return last_time_; }    // largest

  bool tail_is_full() const { return tail_ == nullptr || in_tail_ == tail_->capacity; }
  std::size_t next_chunk_bytes() const {
    return Chunk::bytes(tail_ == nullptr ? ChunkPool::small : ChunkPool::large);
  }

  // `bits` is the value: a double's bits, an integer, 0 or 1; for text the length of `text`.
  void push(ChunkPool& pool, std::int64_t time, std::uint64_t bits, std::string_view text);
  bool contains(model::Kind kind, std::int64_t time, std::uint64_t bits, std::string_view text) const;
  void copy_to(codec::Columns& columns, model::Kind kind) const;
  void clear(ChunkPool& pool);

 private:
  Chunk* head_ = nullptr;
  Chunk* tail_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t in_tail_ = 0;
  bool sorted_ = true;
  std::int64_t first_time_ = 0, last_time_ = 0;
  std::string text_;         // back to back; a text's value in the chunk is its end
};

}  // namespace selvedge::store
