#include "engine/placement/fair.h"

#include <algorithm>
#include <cmath>

namespace selvedge::engine::placement {

void FairShares::resize(const Holding& whole) {
  const auto per = [](std::int64_t amount) { return amount > 0 ? 1 / static_cast<double>(amount) : 0; };
  per_unit_ = {per(whole.amounts.cpu), per(whole.amounts.memory), per(whole.amounts.disk), per(whole.accelerators)};
  for (Tenant& tenant : tenants_) tenant.share = share_of(tenant);
  for (std::size_t i = heap_.size(); i-- > 0;) down(i);
}

double FairShares::share_of(const Tenant& tenant) const {
  const Holding& holding = tenant.holding;
  return std::max({static_cast<double>(holding.amounts.cpu) * per_unit_[0], static_cast<double>(holding.amounts.memory) * per_unit_[1],
                   static_cast<double>(holding.amounts.disk) * per_unit_[2], static_cast<double>(holding.accelerators) * per_unit_[3]}) /
         tenant.weight;
}

base::Result<std::uint32_t> FairShares::add(double weight) {
  if (!(weight > 0) || !std::isfinite(weight)) return base::fail(base::Code::invalid_input, "add a tenant: its weight is not above 0");
  if (tenants_.size() >= most) return base::fail(base::Code::exhausted, "add a tenant: there are " + std::to_string(most) + " already");
  tenants_.push_back({{}, weight, 0, nobody});
  return static_cast<std::uint32_t>(tenants_.size() - 1);
}

bool FairShares::before(std::uint32_t a, std::uint32_t b) const {
  return tenants_[a].share != tenants_[b].share ? tenants_[a].share < tenants_[b].share : a < b;
}

void FairShares::up(std::size_t at) {
  const std::uint32_t tenant = heap_[at];
  for (; at > 0 && before(tenant, heap_[(at - 1) / 2]); at = (at - 1) / 2) {
    heap_[at] = heap_[(at - 1) / 2];
    tenants_[heap_[at]].at = static_cast<std::uint32_t>(at);
  }
  heap_[at] = tenant;
  tenants_[tenant].at = static_cast<std::uint32_t>(at);
}

void FairShares::down(std::size_t at) {
  const std::uint32_t tenant = heap_[at];
  for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], tenant)) break;
    heap_[at] = heap_[child];
    tenants_[heap_[at]].at = static_cast<std::uint32_t>(at);
    at = child;
  }
  heap_[at] = tenant;
  tenants_[tenant].at = static_cast<std::uint32_t>(at);
}

void FairShares::set_waiting(std::uint32_t number, bool waiting) {
  Tenant& tenant = tenants_[number];
  if ((tenant.at != nobody) == waiting) return;
  if (waiting) {
    heap_.push_back(number);
    up(heap_.size() - 1);
    return;
  }
  const std::size_t at = tenant.at;
  const std::uint32_t last = heap_.back();
  heap_.pop_back();
  tenant.at = nobody;
  if (last == number) return;
  heap_[at] = last;
  tenants_[last].at = static_cast<std::uint32_t>(at);
  down(at);
  up(tenants_[last].at);
}

void FairShares::change(std::uint32_t number, const Holding& amounts, int sign) {
  Tenant& tenant = tenants_[number];
  tenant.holding.amounts.cpu += sign * amounts.amounts.cpu;
  tenant.holding.amounts.memory += sign * amounts.amounts.memory;
  tenant.holding.amounts.disk += sign * amounts.amounts.disk;
  tenant.holding.accelerators += sign * amounts.accelerators;
  tenant.share = share_of(tenant);
  if (tenant.at == nobody) return;
  down(tenant.at);
  up(tenant.at);
}

}  // namespace selvedge::engine::placement
