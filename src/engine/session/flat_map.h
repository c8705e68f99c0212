// FlatMap: pointers by number in one table, for lookups on every packet.
//
// Open addressing with linear probing; removal shifts the followers back, so that no tombstones
// gather. At most half full. It owns nothing.

#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace selvedge::engine {

template <typename T>
class FlatMap {
 public:
  std::size_t size() const { return size_; }

  T* find(std::uint64_t key) const {
    if (slots_.empty()) return nullptr;
    for (std::size_t i = home(key);; i = next(i)) {
      if (!slots_[i].value) return nullptr;
      if (slots_[i].key == key) return slots_[i].value;
    }
  }

  // `key` must not be there yet, nor `value` be null.
  void insert(std::uint64_t key, T* value) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    place(key, value);
    ++size_;
  }

  void erase(std::uint64_t key) {
    if (slots_.empty()) return;
    std::size_t hole = home(key);
    while (slots_[hole].value && slots_[hole].key != key) hole = next(hole);
    if (!slots_[hole].value) return;
    for (std::size_t i = next(hole); slots_[i].value; i = next(i)) {
      // Whoever would rather sit at or before the hole moves into it.
      const std::size_t wish = home(slots_[i].key);
      if (((i - wish) & mask()) >= ((i - hole) & mask())) {
        slots_[hole] = slots_[i];
        hole = i;
      }
    }
    slots_[hole] = {};
    --size_;
  }

  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.value) visit(*slot.value);
    }
  }

 private:
  struct Slot {
    std::uint64_t key = 0;
    T* value = nullptr;
  };

  std::size_t mask() const { return slots_.size() - 1; }
  std::size_t next(std::size_t i) const { return (i + 1) & mask(); }
  std::size_t home(std::uint64_t key) const {
    // Multiplicative hashing (Knuth, TAOCP 6.4): the high half of the product is well mixed.
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15u) >> 32) & mask();
  }
  void place(std::uint64_t key, T* value) {
    std::size_t i = home(key);
    while (slots_[i].value) i = next(i);
    slots_[i] = {key, value};
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.value) place(slot.key, slot.value);
    }
  }

  std::vector<Slot> slots_;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace selvedge::engine
