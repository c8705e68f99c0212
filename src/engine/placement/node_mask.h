// NodeMask: a set of nodes, one bit for each number, and how many they are.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/placement/limits.h"

namespace selvedge::engine::placement {

class NodeMask {
 public:
  bool test(NodeId node) const { return test(words_, node); }
  std::span<const std::uint64_t> words() const { return words_; }
  static bool test(std::span<const std::uint64_t> words, NodeId node) {
    const std::size_t word = node >> 6;
    return word < words.size() && (words[word] >> (node & 63) & 1) != 0;
  }
  void set(NodeId node, bool in) {
    const std::size_t word = node >> 6;
    if (word >= words_.size()) {
      if (!in) return;
      words_.resize(word + 1);
    }
    const std::uint64_t bit = std::uint64_t{1} << (node & 63);
    if (((words_[word] & bit) != 0) == in) return;
    words_[word] ^= bit;
    in ? ++count_ : --count_;
  }
  std::uint32_t count() const { return count_; }
  void clear() {
    words_.clear();
    count_ = 0;
  }

  // `visit` returns false to stop. In order of numbers.
  template <typename Visit>
  void each(Visit visit) const {
    for (std::size_t word = 0; word < words_.size(); ++word)
      for (std::uint64_t bits = words_[word]; bits; bits &= bits - 1)
        if (!visit(static_cast<NodeId>(word * 64 + static_cast<std::size_t>(std::countr_zero(bits))))) return;
  }

 private:
  std::vector<std::uint64_t> words_;
  std::uint32_t count_ = 0;
};

}  // namespace selvedge::engine::placement
