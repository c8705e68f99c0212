// AskQueue: asks for places that wait for their answer: those of the highest priority first, and among these the tenant's
// that has the least of the fleet, by dominant shares (engine/placement/fair.h says whose idea that is), then the oldest.
//
// Shares change with every answer, so the tenants that wait at one priority are looked at each time; there are few.
// Bounded by the members of the book. Belongs to the loop thread.

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "engine/jobs/job_book.h"

namespace selvedge::cloud {

class AskQueue {
 public:
  void add(engine::AskPlace ask);
  bool empty() const { return waiting_.empty(); }
  // `share`: of a tenant, by its weight. Not of an empty queue.
  engine::AskPlace take(const std::function<double(const std::string& tenant)>& share);

 private:
  using Tenants = std::map<std::string, std::deque<engine::AskPlace>>;
  std::map<std::int32_t, Tenants, std::greater<>> waiting_;   // by priority
};

}  // namespace selvedge::cloud
