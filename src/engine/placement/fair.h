// FairShares: whose turn it is, by dominant resource fairness.
//
// Ghodsi et al., Dominant Resource Fairness: Fair Allocation of Multiple Resource Types, NSDI 2011: a tenant's dominant
// share is the largest share of the fleet that it holds of any resource, divided by its weight; the tenant with the
// smallest is next (progressive filling). Shares stay within one task of the exact division. Equal shares go to the
// lower number. A heap: a turn and what follows from it cost a logarithm of the tenants. At most `most` tenants.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "model/resources.h"

namespace selvedge::engine::placement {

struct Holding {
  model::Resources amounts;
  std::int64_t accelerators = 0;           // thousandths
};

class FairShares {
 public:
  static constexpr std::size_t most = 100'000;

  // Of all that there is to share. A resource of which there is nothing does not count.
  explicit FairShares(const Holding& whole) { resize(whole); }
  // The fleet grew or shrank.
  void resize(const Holding& whole);

  // Their numbers, from 0 on. Weights are above 0.
  base::Result<std::uint32_t> add(double weight = 1);
  // Whether it wants more; only those take turns. New ones do not.
  void set_waiting(std::uint32_t tenant, bool waiting);
  void gained(std::uint32_t tenant, const Holding& amounts) { change(tenant, amounts, 1); }
  void lost(std::uint32_t tenant, const Holding& amounts) { change(tenant, amounts, -1); }

  // The waiting tenant with the smallest share; `nobody` if none waits.
  static constexpr std::uint32_t nobody = 0xFFFFFFFF;
  std::uint32_t next() const { return heap_.empty() ? nobody : heap_[0]; }
  double share(std::uint32_t tenant) const { return tenants_[tenant].share; }
  const Holding& holding(std::uint32_t tenant) const { return tenants_[tenant].holding; }
  std::size_t size() const { return tenants_.size(); }

 private:
  struct Tenant {
    Holding holding;
    double weight = 1, share = 0;
    std::uint32_t at = nobody;             // in the heap
  };
  void change(std::uint32_t tenant, const Holding& amounts, int sign);
  double share_of(const Tenant& tenant) const;
  bool before(std::uint32_t a, std::uint32_t b) const;
  void up(std::size_t at);
  void down(std::size_t at);

  std::array<double, 4> per_unit_{};       // of cpu, memory, disk, accelerators: 1 / whole
  std::vector<Tenant> tenants_;
  std::vector<std::uint32_t> heap_;
};

}  // namespace selvedge::engine::placement
