#include "engine/session/topic_tree.h"

#include <algorithm>

#include "base/result.h"
#include "engine/session/session.h"

namespace selvedge::engine {
namespace {

ShareGroup* group_named(const TopicTree::Node& node, std::string_view name) {
  for (const auto& group : node.groups) {
    if (group->name == name) return group.get();
  }
  return nullptr;
}

// Order matters to a group: its members take turns.
void take_out(std::vector<Subscribed*>& members, std::uint32_t place) {
  members.erase(members.begin() + place);
  for (std::size_t i = place; i < members.size(); ++i) {
    members[i]->place = static_cast<std::uint32_t>(i);
  }
}

}  // namespace

bool too_deep(std::string_view topic) {
  return static_cast<std::size_t>(std::ranges::count(topic, '/')) >= most_levels;
}

Subscribed* TopicTree::find(const Session& session, std::string_view group,
                            std::string_view filter) const {
  const Tree::Position node = tree_.find(filter);
  if (node == Tree::root) return nullptr;
  const ShareGroup* share = nullptr;
  if (!group.empty()) {
    share = group_named(tree_[node], group);
    if (!share) return nullptr;
  }
  for (const auto& subscribed : session.subscriptions) {
    if (subscribed->node == node && subscribed->group == share) return subscribed.get();
  }
  return nullptr;
}

Subscribed& TopicTree::add(Session& session, std::string_view group, std::string_view filter,
                           SubscribedOptions options, std::uint32_t group_number) {
  auto subscribed = std::make_unique<Subscribed>();
  subscribed->session = &session;
  subscribed->options = options;
  subscribed->node = tree_.make(filter);
  Node& node = tree_[subscribed->node];
  std::vector<Subscribed*>* list = &node.subscribed;
  if (!group.empty()) {
    ShareGroup* share = group_named(node, group);
    if (!share) {
      share = node.groups.emplace_back(std::make_unique<ShareGroup>()).get();
      share->name = group;
      share->node = subscribed->node;
      share->number = group_number != 0 ? group_number : last_group_ + 1;
      last_group_ = std::max(last_group_, share->number);
      groups_[share->number] = share;
    }
    subscribed->group = share;
    list = &share->members;
  }
  subscribed->place = static_cast<std::uint32_t>(list->size());
  list->push_back(subscribed.get());
  ++size_;
  return *session.subscriptions.emplace_back(std::move(subscribed));
}

void TopicTree::remove(Subscribed& subscribed) {
  const Tree::Position at = subscribed.node;
  Node& node = tree_[at];
  if (ShareGroup* group = subscribed.group) {
    take_out(group->members, subscribed.place);
    if (group->members.empty()) {
      groups_.erase(group->number);
      std::erase_if(node.groups, [&](const auto& each) { return each.get() == group; });
    }
  } else {
    Subscribed* last = node.subscribed.back();
    node.subscribed[subscribed.place] = last;
    last->place = subscribed.place;
    node.subscribed.pop_back();
  }
  tree_.prune(at, [](const Node& each) { return each.empty(); });
  --size_;
  auto& owned = subscribed.session->subscriptions;
  const auto it = std::ranges::find_if(
      owned, [&](const auto& each) { return each.get() == &subscribed; });
  CHECK(it != owned.end());
  std::swap(*it, owned.back());
  owned.pop_back();
}

ShareGroup* TopicTree::group(std::uint32_t number) const {
  const auto it = groups_.find(number);
  return it == groups_.end() ? nullptr : it->second;
}

}  // namespace selvedge::engine
