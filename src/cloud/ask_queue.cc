#include "cloud/ask_queue.h"

#include <utility>

#include "base/result.h"

namespace selvedge::cloud {

using engine::AskPlace;

void AskQueue::add(AskPlace ask) {
  std::deque<AskPlace>& line = waiting_[ask.group.priority][ask.tenant];
  line.push_back(std::move(ask));
}

AskPlace AskQueue::take(const std::function<double(const std::string& tenant)>& share) {
  CHECK(!waiting_.empty());
  Tenants& tenants = waiting_.begin()->second;
  auto next = tenants.begin();
  if (tenants.size() > 1) {
    double least = share(next->first);
    for (auto other = std::next(next); other != tenants.end(); ++other) {
      const double its = share(other->first);
      if (its >= least) continue;
      least = its;
      next = other;
    }
  }
  AskPlace ask = std::move(next->second.front());
  next->second.pop_front();
  if (next->second.empty()) tenants.erase(next);
  if (tenants.empty()) waiting_.erase(waiting_.begin());
  return ask;
}

}  // namespace selvedge::cloud
