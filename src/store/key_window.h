// KeyWindow: the keys of the last 4,096 to 8,192 messages, in fixed memory.
//
// Two tables take turns: when the younger is full it becomes the elder and the old elder is emptied.

#pragma once

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace selvedge::store {

class KeyWindow {
 public:
  static constexpr std::size_t generation = 4096;

  KeyWindow();
  void add(std::uint64_t key);           // 0 is no key
  bool contains(std::uint64_t key) const { return in(young_, key) || in(old_, key); }
  // All keys, oldest first.
  template <typename Each>
  void each(const Each& call) const {
    for (const Generation* g : {&old_, &young_})
      for (const std::uint64_t key : g->order) call(key);
  }
  std::size_t size() const { return old_.order.size() + young_.order.size(); }

 private:
  struct Generation {
    std::vector<std::uint64_t> slots;    // open addressing, at most half full
    std::vector<std::uint64_t> order;
  };
  static std::size_t slot(std::uint64_t key);
  static bool in(const Generation& g, std::uint64_t key);

  Generation young_, old_;
};

}  // namespace selvedge::store
