// Retained: the last message of each topic, for those who subscribe later.
//
// Bounded by messages and bytes; what does not fit is refused (and the topic then has none, rather
// than one that is out of date). Expired messages are not found any more and make room when it is
// needed.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "engine/session/level_tree.h"
#include "engine/session/message.h"

namespace selvedge::engine {

class Retained {
 public:
  Retained(std::uint64_t most_messages, std::uint64_t most_bytes)
      : most_messages_(most_messages), most_bytes_(most_bytes) {}

  // Puts the message in place of the one its topic had. False if there is no room.
  bool set(MessagePtr message, base::Time now);
  // False if the topic had none.
  bool erase(std::string_view topic);

  // Calls visit(const MessagePtr&) for each message whose topic matches and that has not expired.
  template <typename Visit>
  void match(std::string_view filter, base::Time now, Visit&& visit) const {
    descend(tree_.root, filter, now, visit);
  }

  // All of them, expired or not.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    constexpr base::Time beginning{std::numeric_limits<std::int64_t>::min()};
    for (auto top = tree_.first_child(Tree::root); top != Tree::root;
         top = tree_.next_sibling(top)) {
      show_all(top, beginning, visit);
    }
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  using Tree = LevelTree<MessagePtr>;

  void take_out(Tree::Position at);
  void drop_expired(base::Time now);

  template <typename Visit>
  void show(Tree::Position at, base::Time now, Visit& visit) const {
    const MessagePtr& message = tree_[at];
    if (message && message->expires() > now) visit(message);
  }

  template <typename Visit>
  void show_all(Tree::Position at, base::Time now, Visit& visit) const {
    show(at, now, visit);
    for (auto below = tree_.first_child(at); below != Tree::root;
         below = tree_.next_sibling(below)) {
      if (!hidden(at, below)) show_all(below, now, visit);
    }
  }

  // Wildcards at the front do not match '$' (MQTT 4.7.2).
  bool hidden(Tree::Position parent, Tree::Position below) const {
    return parent == Tree::root && tree_.level(below).starts_with('$');
  }

  template <typename Visit>
  void descend(Tree::Position at, std::string_view rest, base::Time now, Visit& visit) const {
    if (rest.data() == nullptr) return show(at, now, visit);
    const std::size_t slash = rest.find('/');
    const std::string_view level = rest.substr(0, slash);
    const std::string_view after =
        slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (level == "#") return show_all(at, now, visit);
    if (level != "+") {
      const Tree::Position below = tree_.child(at, level);
      if (below != Tree::root) descend(below, after, now, visit);
      return;
    }
    for (auto below = tree_.first_child(at); below != Tree::root;
         below = tree_.next_sibling(below)) {
      if (!hidden(at, below)) descend(below, after, now, visit);
    }
  }

  std::uint64_t most_messages_, most_bytes_;
  Tree tree_;
  std::uint64_t count_ = 0, bytes_ = 0;
  base::Time first_expiry_ = never;      // none expires before
};

}  // namespace selvedge::engine
