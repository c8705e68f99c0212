// Column: the readings of one series that are not in a block yet, in chunks from a pool.
//
// A column starts with a chunk for 8 readings, so that a hundred thousand slow series fit in memory,
// and goes on in larger ones. A column never holds memory when it is empty. No reading costs an
// allocation once the pool has what it needs.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "codec/series/frame.h"
#include "model/reading.h"
#include "store/chunk.h"

namespace selvedge::store {

class Column {
 public:
  std::uint32_t size() const { return size_; }
  std::size_t text_bytes() const { return text_.size(); }
  bool sorted() const { return sorted_; }
  std::int64_t first_time() const { return first_time_; }  // smallest
  std::int64_t last_time() const { return last_time_; }    // largest

  // Whether the next reading may need another chunk, and of how many bytes.
  bool may_need_chunk() const { return tail_ == nullptr || !tail_->surely_fits_one(); }
  std::size_t next_chunk_bytes() const { return Chunk::bytes(next_size()); }

  // `bits` is the value: a double's bits, an integer, 0 or 1; for text the length of `text`.
  void push(ChunkPool& pool, std::int64_t time, std::uint64_t bits, std::string_view text);
  bool contains(model::Kind kind, std::int64_t time, std::uint64_t bits, std::string_view text) const;
  void copy_to(codec::Columns& columns, model::Kind kind) const;
  void clear(ChunkPool& pool);

 private:
  // In a column of 1,000 readings or more, a chunk that has just begun is at most an eighth of it.
  Chunk::Size next_size() const {
    constexpr std::uint32_t long_column = 2304;
    return size_ == 0 ? Chunk::Size::small : size_ < long_column ? Chunk::Size::medium : Chunk::Size::large;
  }

  Chunk* head_ = nullptr;
  Chunk* tail_ = nullptr;
  std::uint32_t size_ = 0;
  bool sorted_ = true;
  std::int64_t first_time_ = 0, last_time_ = 0;
  std::string text_;         // back to back; a text's value in the chunk is its length
};

}  // namespace selvedge::store
