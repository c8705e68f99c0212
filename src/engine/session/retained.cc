#include "engine/session/retained.h"

#include <algorithm>
#include <vector>

namespace selvedge::engine {

bool Retained::set(MessagePtr message, base::Time now) {
  erase(message->topic());
  const auto fits = [&] {
    return count_ < most_messages_ && bytes_ + message->bytes() <= most_bytes_;
  };
  if (!fits()) drop_expired(now);
  if (!fits()) return false;
  ++count_;
  bytes_ += message->bytes();
  first_expiry_ = std::min(first_expiry_, message->expires());
  const Tree::Position at = tree_.make(message->topic());
  tree_[at] = std::move(message);
  return true;
}

bool Retained::erase(std::string_view topic) {
  const Tree::Position at = tree_.find(topic);
  if (at == Tree::root || !tree_[at]) return false;
  take_out(at);
  return true;
}

void Retained::take_out(Tree::Position at) {
  --count_;
  bytes_ -= tree_[at]->bytes();
  tree_[at] = {};
  tree_.prune(at, [](const MessagePtr& each) { return !each; });
}

// Looks at all of them, so only when one at least must have expired.
void Retained::drop_expired(base::Time now) {
  if (first_expiry_ > now) return;
  std::vector<std::string> gone;
  first_expiry_ = never;
  for_each([&](const MessagePtr& message) {
    if (message->expires() <= now) {
      gone.emplace_back(message->topic());
    } else {
      first_expiry_ = std::min(first_expiry_, message->expires());
    }
  });
  for (const std::string& topic : gone) erase(topic);
}

}  // namespace selvedge::engine
