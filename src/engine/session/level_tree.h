// LevelTree: a tree with a node for each level of a topic, holding a Value at any node.
//
// All edges are in one hash table keyed by (parent, level), so that a node with a hundred thousand
// children costs no more to descend from than one with two; the children of a node are also a
// list, for whoever has to see them all. Nodes without value and children are taken out by
// prune(). Positions stay valid until pruned. The caller bounds the depth.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace selvedge::engine {

template <typename Value>
class LevelTree {
 public:
  using Position = std::uint32_t;
  static constexpr Position root = 0;   // also "no child", as the root is nobody's child

  LevelTree() { nodes_.emplace_back(); }

  Value& operator[](Position at) { return nodes_[at].value; }
  const Value& operator[](Position at) const { return nodes_[at].value; }

  // The children named "+" and "#"; root if there is none.
  Position plus(Position at) const { return nodes_[at].plus; }
  Position hash(Position at) const { return nodes_[at].hash; }
  Position first_child(Position at) const { return nodes_[at].first; }
  Position next_sibling(Position at) const { return nodes_[at].next; }
  std::string_view level(Position at) const { return nodes_[at].level; }
  std::size_t size() const { return nodes_.size() - free_.size(); }

  Position child(Position parent, std::string_view level) const {
    if (table_.empty()) return root;
    const std::uint32_t mark = mark_of(parent, level);
    for (std::size_t i = mark & mask(); table_[i] != root; i = (i + 1) & mask()) {
      const Node& node = nodes_[table_[i]];
      if (node.mark == mark && node.parent == parent && node.level == level) return table_[i];
    }
    return root;
  }

  // The node of a whole topic or filter; root if there is none.
  Position find(std::string_view topic) const {
    Position at = root;
    for (Levels levels(topic); levels.more();) {
      at = child(at, levels.take());
      if (at == root) return root;
    }
    return at;
  }

  Position make(std::string_view topic) {
    Position at = root;
    for (Levels levels(topic); levels.more();) {
      const std::string_view level = levels.take();
      const Position below = child(at, level);
      at = below != root ? below : add(at, level);
    }
    return at;
  }

  // Takes out the node and those above it as far as they are of no use: `is_empty(value)` and no
  // children.
  template <typename IsEmpty>
  void prune(Position at, IsEmpty is_empty) {
    while (at != root && nodes_[at].first == root && is_empty(nodes_[at].value)) {
      const Position parent = nodes_[at].parent;
      remove(at);
      at = parent;
    }
  }

  std::string topic(Position at) const {
    std::vector<std::string_view> levels;
    for (; at != root; at = nodes_[at].parent) levels.push_back(nodes_[at].level);
    std::string text;
    for (std::size_t i = levels.size(); i-- > 0;) {
      text += levels[i];
      if (i > 0) text += '/';
    }
    return text;
  }

  // Takes a topic apart at its slashes. "a//b" has an empty level, "" has one.
  class Levels {
   public:
    explicit Levels(std::string_view topic) : rest_(topic) {}
    bool more() const { return more_; }
    std::string_view take() {
      const std::size_t slash = rest_.find('/');
      const std::string_view level = rest_.substr(0, slash);
      more_ = slash != std::string_view::npos;
      rest_ = more_ ? rest_.substr(slash + 1) : std::string_view();
      return level;
    }

   private:
    std::string_view rest_;
    bool more_ = true;
  };

 private:
  struct Node {
    std::string level;
    Position parent = root, first = root, next = root, previous = root;
    Position plus = root, hash = root;
    std::uint32_t mark = 0;
    Value value{};
  };

  // FNV-1a (Fowler, Noll, Vo), started from the parent.
  static std::uint32_t mark_of(Position parent, std::string_view level) {
    std::uint64_t h = (0xCBF29CE484222325u ^ parent) * 0x100000001B3u;
    for (const char c : level) h = (h ^ static_cast<std::uint8_t>(c)) * 0x100000001B3u;
    return static_cast<std::uint32_t>(h ^ (h >> 32));
  }
  std::size_t mask() const { return table_.size() - 1; }

  Position add(Position parent, std::string_view level) {
    if (size() * 2 >= table_.size()) grow();
    Position at;
    if (free_.empty()) {
      at = static_cast<Position>(nodes_.size());
      nodes_.emplace_back();
    } else {
      at = free_.back();
      free_.pop_back();
    }
    Node& node = nodes_[at];
    node.level = level;
    node.parent = parent;
    node.mark = mark_of(parent, level);
    Node& above = nodes_[parent];
    node.next = above.first;
    if (above.first != root) nodes_[above.first].previous = at;
    above.first = at;
    if (level == "+") above.plus = at;
    if (level == "#") above.hash = at;
    place(at);
    return at;
  }

  void remove(Position at) {
    Node& node = nodes_[at];
    Node& above = nodes_[node.parent];
    if (above.first == at) above.first = node.next;
    if (above.plus == at) above.plus = root;
    if (above.hash == at) above.hash = root;
    if (node.previous != root) nodes_[node.previous].next = node.next;
    if (node.next != root) nodes_[node.next].previous = node.previous;
    displace(at);
    node = Node{};
    free_.push_back(at);
  }

  void place(Position at) {
    std::size_t i = nodes_[at].mark & mask();
    while (table_[i] != root) i = (i + 1) & mask();
    table_[i] = at;
  }

  void displace(Position at) {
    std::size_t hole = nodes_[at].mark & mask();
    while (table_[hole] != at) hole = (hole + 1) & mask();
    for (std::size_t i = (hole + 1) & mask(); table_[i] != root; i = (i + 1) & mask()) {
      const std::size_t wish = nodes_[table_[i]].mark & mask();
      if (((i - wish) & mask()) >= ((i - hole) & mask())) {
        table_[hole] = table_[i];
        hole = i;
      }
    }
    table_[hole] = root;
  }

  void grow() {
    std::vector<Position> old(table_.empty() ? 16 : table_.size() * 2, root);
    old.swap(table_);
    for (const Position at : old) {
      if (at != root) place(at);
    }
  }

  std::vector<Node> nodes_;
  std::vector<Position> free_;
  std::vector<Position> table_;  // a power of two, at most half full
};

}  // namespace selvedge::engine
