#include "store/column.h"

#include <algorithm>
#include <cstring>

namespace selvedge::store {

using model::Kind;

void Column::push(ChunkPool& pool, std::int64_t time, std::uint64_t bits, std::string_view text) {
  if (tail_ == nullptr || !tail_->add(time, bits)) {
    Chunk* const chunk = pool.take(next_size(), tail_ == nullptr ? TimeCoding::s4 : tail_->coding());
    (tail_ == nullptr ? head_ : tail_->next) = chunk;
    tail_ = chunk;
    CHECK(chunk->add(time, bits));
  }
  if (!text.empty()) {
    const auto before = static_cast<std::int64_t>(text_.capacity());
    text_.append(text);
    pool.count_text(static_cast<std::int64_t>(text_.capacity()) - before);
  }
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
  std::int64_t times[Chunk::most_readings];
  for (const Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) {
    const std::uint32_t n = chunk->count();
    const std::uint64_t* const values = chunk->values();
    // Whole chunks of a sorted column are passed over by their last time.
    if (kind != Kind::text && sorted_ && chunk->time(n - 1) < time) continue;
    chunk->copy_times(times);
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::size_t start = text_start;
      text_start += kind == Kind::text ? values[i] : 0;
      if (times[i] != time || values[i] != bits) continue;
      if (kind != Kind::text || std::string_view(text_).substr(start, values[i]) == text) return true;
    }
    if (kind != Kind::text && sorted_ && times[n - 1] > time) return false;
  }
  return false;
}

void Column::copy_to(codec::Columns& columns, Kind kind) const {
  columns.clear();
  columns.kind = kind;
  columns.times.resize(size_);
  const auto each = [&](const auto& put) {
    std::size_t at = 0;
    for (const Chunk* chunk = head_; chunk != nullptr; chunk = chunk->next) {
      chunk->copy_times(columns.times.data() + at);
      put(chunk->values(), chunk->count(), at);
      at += chunk->count();
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
  size_ = 0;
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
