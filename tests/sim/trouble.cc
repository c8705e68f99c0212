#include "trouble.h"

#include <algorithm>
#include <set>

namespace selvedge::sim {
namespace {

using os::fake::Fault;
using os::fake::FaultKind;
using os::fake::FaultRates;
using os::fake::FaultScope;
using os::fake::Random;

FaultRates rates(double machine, double link) {
  FaultRates rates;
  rates.power_cut = rates.kill = rates.crash_in_write = rates.clock_jump = machine;
  rates.disk_full = rates.sync_fails = machine;
  rates.link_reset = rates.link_silent = rates.link_forgets = link;
  rates.link_slow = rates.link_pause = link;
  rates.longest = longest_trouble;
  rates.largest_jump = std::chrono::hours(12);
  return rates;
}

std::vector<Spell> plan_spells(Random& random, const std::vector<std::string>& machines,
                               double per_hour, base::Duration length) {
  std::vector<Spell> spells;
  if (!(per_hour > 0)) return spells;
  const base::Duration mean(static_cast<std::int64_t>(3600e9 / per_hour));
  for (const std::string& machine : machines)
    for (base::Duration at = random.exponential(mean); at < length; at += random.exponential(mean))
      spells.push_back({at, random.between(std::chrono::milliseconds(200), longest_trouble), machine});
  return spells;
}

// A store writes the end of its logs again when it starts, because a sync before the crash may have
// failed. On a full disk it cannot, and starts all the same; a power cut then can take what it has
// in good faith called durable. So a disk either fails or fills up.
void keep_apart(std::vector<Fault>& faults) {
  std::set<std::string> full;
  for (const Fault& fault : faults)
    if (fault.kind == FaultKind::disk_full) full.insert(fault.machine);
  std::erase_if(faults, [&](const Fault& fault) {
    return fault.kind == FaultKind::sync_fails && full.contains(fault.machine);
  });
}

}  // namespace

std::string Trouble::text() const {
  std::string out = os::fake::text(faults);
  for (const Spell& spell : orderly_restarts)
    out += base::to_string(spell.at) + " orderly restart of " + spell.machine + " for " +
           base::to_string(spell.lasts) + "\n";
  for (const Spell& spell : database_failures)
    out += base::to_string(spell.at) + " database fails for " + base::to_string(spell.lasts) + "\n";
  return out;
}

Trouble plan_trouble(Random& random, const Places& places, double rate, base::Duration length) {
  FaultScope cloud{.machines = {places.cloud}, .links = {}};
  FaultScope nodes{.machines = places.nodes, .links = {}};
  for (const std::string& node : places.nodes) nodes.links.emplace_back(node, places.cloud);
  FaultScope devices{.machines = {}, .links = places.devices};
  for (const auto& [device, node] : places.devices) devices.machines.push_back(device);

  Trouble trouble;
  const auto add = [&](const FaultScope& scope, const FaultRates& how_often) {
    const auto plan = plan_faults(random, scope, how_often, length);
    trouble.faults.insert(trouble.faults.end(), plan.begin(), plan.end());
  };
  add(cloud, rates(15 * rate, 0));
  add(nodes, rates(15 * rate, 15 * rate));
  add(devices, rates(6 * rate, 6 * rate));
  keep_apart(trouble.faults);
  std::ranges::stable_sort(trouble.faults, {}, &Fault::at);

  std::vector<std::string> services = places.nodes;
  services.push_back(places.cloud);
  trouble.orderly_restarts = plan_spells(random, services, 10 * rate, length);
  trouble.database_failures = plan_spells(random, {places.cloud}, 30 * rate, length);
  return trouble;
}

}  // namespace selvedge::sim
