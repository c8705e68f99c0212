// Ring: a queue in one block of memory, for queues that exist once per connection.
//
// Empty, it owns nothing; it doubles as it grows and lets its block go when a large one runs
// empty. Elements are reached by position, the oldest at 0. Not bounded: its user is.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace selvedge::engine {

template <typename T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  T& operator[](std::size_t i) { return cells_[(head_ + i) & (capacity_ - 1)]; }
  const T& operator[](std::size_t i) const { return cells_[(head_ + i) & (capacity_ - 1)]; }
  T& front() { return (*this)[0]; }

  void push_back(T value) {
    if (size_ == capacity_) grow();
    (*this)[size_++] = std::move(value);
  }

  void pop_front() {
    cells_[head_] = T{};
    head_ = (head_ + 1) & (capacity_ - 1);
    if (--size_ == 0 && capacity_ > keep_when_empty) release();
  }

  // Cheap near the front, which is where acknowledgements fall.
  void erase(std::size_t i) {
    for (; i > 0; --i) (*this)[i] = std::move((*this)[i - 1]);
    pop_front();
  }

 private:
  static constexpr std::uint32_t keep_when_empty = 128;

  void grow() {
    const std::uint32_t capacity = capacity_ == 0 ? 4 : capacity_ * 2;
    auto cells = std::make_unique<T[]>(capacity);
    for (std::uint32_t i = 0; i < size_; ++i) cells[i] = std::move((*this)[i]);
    cells_ = std::move(cells);
    capacity_ = capacity;
    head_ = 0;
  }
  void release() {
    cells_.reset();
    capacity_ = head_ = 0;
  }

  std::unique_ptr<T[]> cells_;
  std::uint32_t capacity_ = 0;  // a power of two
  std::uint32_t head_ = 0;
  std::uint32_t size_ = 0;
};

}  // namespace selvedge::engine
