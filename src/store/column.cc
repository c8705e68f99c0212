#include "store/column.h"

#include <algorithm>
#include <bit>
#include <new>

namespace selvedge::store {

using model::Kind;

ChunkPool::~ChunkPool() {
  release(free_small_);
  release(free_large_);
}

void ChunkPool::release(Chunk*& list) {
  while (list != nullptr) {
    Chunk* const next = list->next;
    idle_ -= Chunk::bytes(list->capacity);
    ::operator delete(list);
    list = next;
  }
}

Chunk* ChunkPool::take(std::uint32_t capacity) {
  const std::uint64_t bytes = Chunk::bytes(capacity);
  Chunk*& list = capacity == small ? free_small_ : free_large_;
  in_use_ += bytes;
  if (list != nullptr) {
    Chunk* const chunk = list;
    list = chunk->next;
    idle_ -= bytes;
    chunk->next = nullptr;
    return chunk;
  }
  if (in_use_ + idle_ > limit_) release(capacity == small ? free_large_ : free_small_);
  return new (::operator new(bytes)) Chunk{nullptr, capacity};
}

void ChunkPool::give_back(Chunk* first) {
  while (first != nullptr) {
    Chunk* const next = first->next;
    Chunk*& list = first->capacity == small ? free_small_ : free_large_;
    const std::uint64_t bytes = Chunk::bytes(first->capacity);
    in_use_ -= bytes;
    idle_ += bytes;
    first->next = list;
    list = first;
    first = next;
  }
}

void Column::push(ChunkPool& pool, std::int64_t time, std::uint64_t bits, std::string_view text) {
  if (tail_ == nullptr || in_tail_ == tail_->capacity) {
    Chunk* const chunk = pool.take(tail_ == nullptr ? ChunkPool::small : ChunkPool::large);
    (tail_ == nullptr ? head_ : tail_->next) = chunk;
    tail_ = chunk;
    in_tail_ = 0;
  }
  if (!text.empty()) {
    const auto before = static_cast<std::int64_t>(text_.capacity());
    text_.append(text);
    pool.count_text(static_cast<std::int64_t>(text_.capacity()) - before);
  }
  tail_->times()[in_tail_] = time;
  tail_->values()[in_tail_++] = bits;
  if (size_++ == 0) {
    first_time_ = last_time_ = time;
    sorted_ = true;
  } else {
    sorted_ = sorted_ && time >= last_time_;
    first_time_ = std::min(first_time_, time);
    last_time_ = std::max(last_time_, time);
  }
}

bool Column::contains(Kind kind, std::int64_t time, std::uint64_t bits, std::string_view text) const {
  if (size_ == 0 || time < first_time_ || time > last_time_) return false;
  std::size_t text_start = 0;
  for (Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) {
    const std::uint32_t n = chunk == tail_ ? in_tail_ : chunk->capacity;
    const std::int64_t* const times = chunk->times();
    const std::uint64_t* const values = chunk->values();
    if (kind != Kind::text) {
      // Whole chunks of a sorted column are passed over by their last time.
      if (sorted_ && times[n - 1] < time) continue;
      for (std::uint32_t i = 0; i < n; ++i)
        if (times[i] == time && values[i] == bits) return true;
      if (sorted_ && times[n - 1] > time) return false;
      continue;
    }
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::size_t start = text_start;
      text_start += values[i];
      if (times[i] == time && std::string_view(text_).substr(start, values[i]) == text) return true;
    }
  }
  return false;
}

void Column::copy_to(codec::Columns& columns, Kind kind) const {
  columns.clear();
  columns.kind = kind;
  columns.times.resize(size_);
  const auto each = [&](const auto& put) {
    std::size_t at = 0;
    for (Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) {
      const std::uint32_t n = chunk == tail_ ? in_tail_ : chunk->capacity;
      std::copy_n(chunk->times(), n, columns.times.begin() + static_cast<std::ptrdiff_t>(at));
      put(chunk->values(), n, at);
      at += n;
    }
  };
  if (kind == Kind::float64) {
    columns.float64.resize(size_);
    each([&](const std::uint64_t* v, std::uint32_t n, std::size_t at) {
      std::memcpy(columns.float64.data() + at, v, n * sizeof *v);
    });
  } else if (kind == Kind::text) {
    columns.text_bytes = text_;
    columns.text_ends.resize(size_);
    std::uint32_t end = 0;
    each([&](const std::uint64_t* v, std::uint32_t n, std::size_t at) {
      for (std::uint32_t i = 0; i < n; ++i)
        columns.text_ends[at + i] = end += static_cast<std::uint32_t>(v[i]);
    });
  } else {
    columns.int64.resize(size_);
    each([&](const std::uint64_t* v, std::uint32_t n, std::size_t at) {
      std::memcpy(columns.int64.data() + at, v, n * sizeof *v);
    });
  }
}

void Column::clear(ChunkPool& pool) {
  pool.give_back(head_);
  head_ = tail_ = nullptr;
  size_ = in_tail_ = 0;
  sorted_ = true;
  if (text_.capacity() > 64) {
    const auto before = static_cast<std::int64_t>(text_.capacity());
    std::string().swap(text_);
    pool.count_text(static_cast<std::int64_t>(text_.capacity()) - before);
  } else {
    text_.clear();
  }
}

}  // namespace selvedge::store
