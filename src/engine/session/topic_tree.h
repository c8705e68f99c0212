// TopicTree: who subscribed to what, and who gets a message on a topic.
//
// Matching walks down the levels of the topic, at each one by name, by "+" and by "#", so that its
// cost depends on the topic and on who matches, not on how many subscriptions there are.
// Wildcards at the front do not match topics that begin with '$' (MQTT 4.7.2).

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/session/level_tree.h"

namespace selvedge::engine {

struct Session;
struct ShareGroup;

// Levels a topic or a filter may have; bounds recursion, and memory by one subscription.
inline constexpr std::size_t most_levels = 128;
bool too_deep(std::string_view topic);

struct SubscribedOptions {
  std::uint8_t qos = 0;
  bool no_local = false, retain_as_published = false;
  std::uint32_t id = 0;                  // subscription identifier; 0: none
};

// One subscription. Owned by its session, listed in the tree.
struct Subscribed {
  Session* session = nullptr;
  ShareGroup* group = nullptr;           // null: not shared
  std::uint32_t node = 0;
  std::uint32_t place = 0;               // in the list of its node or group
  SubscribedOptions options;
};

// The members of "$share/<name>/<filter>". They take turns.
struct ShareGroup {
  std::string name;
  std::uint32_t number = 0;              // in the session log; never used twice
  std::uint32_t node = 0;
  std::size_t turn = 0;
  std::vector<Subscribed*> members;      // in the order in which they came
};

class TopicTree {
 public:
  // What ends at one node of the tree.
  struct Node {
    std::vector<Subscribed*> subscribed;
    std::vector<std::unique_ptr<ShareGroup>> groups;
    bool empty() const { return subscribed.empty() && groups.empty(); }
  };

  // Null if the session has no such subscription. `group` is empty if it is not shared.
  Subscribed* find(const Session& session, std::string_view group, std::string_view filter) const;
  // It must not exist. `group_number` 0 gives a new group the next number.
  Subscribed& add(Session& session, std::string_view group, std::string_view filter,
                  SubscribedOptions options, std::uint32_t group_number);
  void remove(Subscribed& subscribed);

  // Calls visit(const Node&) for each node whose filter matches the topic.
  template <typename Visit>
  void match(std::string_view topic, Visit&& visit) const {
    walk(tree_.root, topic, topic.starts_with('$'), visit);
  }

  std::string filter_of(const Subscribed& subscribed) const { return tree_.topic(subscribed.node); }
  ShareGroup* group(std::uint32_t number) const;
  std::uint64_t size() const { return size_; }

 private:
  using Tree = LevelTree<Node>;

  // `rest` begins at the level below `at`; a null view means that the topic ended there.
  template <typename Visit>
  void walk(Tree::Position at, std::string_view rest, bool hidden, Visit& visit) const {
    const Tree::Position all = tree_.hash(at);
    if (all != Tree::root && !hidden) visit(tree_[all]);
    if (rest.data() == nullptr) {
      if (!tree_[at].empty()) visit(tree_[at]);
      return;
    }
    const std::size_t slash = rest.find('/');
    const std::string_view below =
        slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    const Tree::Position named = tree_.child(at, rest.substr(0, slash));
    if (named != Tree::root) walk(named, below, false, visit);
    const Tree::Position any = tree_.plus(at);
    if (any != Tree::root && !hidden) walk(any, below, false, visit);
  }

  Tree tree_;
  std::unordered_map<std::uint32_t, ShareGroup*> groups_;
  std::uint32_t last_group_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace selvedge::engine
