#include "os/fake/faults.h"

#include <algorithm>

#include "os/fake/simulation.h"

namespace selvedge::os::fake {
namespace {

struct KindOfFault {
  FaultKind kind;
  const char* name;
  double FaultRates::*rate;
  bool of_link;
};

constexpr KindOfFault kinds[fault_kinds] = {
    {FaultKind::link_reset, "link_reset", &FaultRates::link_reset, true},
    {FaultKind::link_silent, "link_silent", &FaultRates::link_silent, true},
    {FaultKind::link_forgets, "link_forgets", &FaultRates::link_forgets, true},
    {FaultKind::link_slow, "link_slow", &FaultRates::link_slow, true},
    {FaultKind::link_pause, "link_pause", &FaultRates::link_pause, true},
    {FaultKind::power_cut, "power_cut", &FaultRates::power_cut, false},
    {FaultKind::kill, "kill", &FaultRates::kill, false},
    {FaultKind::crash_in_write, "crash_in_write", &FaultRates::crash_in_write, false},
    {FaultKind::disk_full, "disk_full", &FaultRates::disk_full, false},
    {FaultKind::sync_fails, "sync_fails", &FaultRates::sync_fails, false},
    {FaultKind::clock_jump, "clock_jump", &FaultRates::clock_jump, false},
};

void plan_one(Random& random, const KindOfFault& kind, const std::string& machine,
              const std::string& peer, const FaultRates& rates, base::Duration length,
              std::vector<Fault>& plan) {
  const double rate = rates.*kind.rate;
  if (!(rate > 0)) return;
  const base::Duration mean(static_cast<std::int64_t>(3600e9 / rate));
  for (base::Duration at = random.exponential(mean); at < length; at += random.exponential(mean)) {
    Fault fault{.at = at, .kind = kind.kind, .machine = machine, .peer = peer};
    fault.lasts = random.between(rates.shortest, rates.longest);
    fault.writes = 1 + random.below(30);
    if (kind.kind == FaultKind::link_slow)
      fault.amount = random.between(std::chrono::milliseconds(100), rates.largest_latency);
    if (kind.kind == FaultKind::clock_jump)
      fault.amount = random.between(-rates.largest_jump, rates.largest_jump);
    plan.push_back(std::move(fault));
  }
}

// What was so before the plan began, to go back to.
struct Before {
  std::uint64_t capacity = 0;
  base::Duration latency{};
};

void begin_on_link(Link& link, const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::link_reset: return link.cut(Cut::reset);
    case FaultKind::link_silent: return link.cut(Cut::silent);
    case FaultKind::link_forgets: return link.forget_connections();
    case FaultKind::link_pause: return link.pause_for(fault.lasts);
    case FaultKind::link_slow: link.model.latency = fault.amount; return;
    default: return;
  }
}

void end_on_link(Link& link, const Fault& fault, const Before& before) {
  if (fault.kind == FaultKind::link_slow) link.model.latency = before.latency;
  if (fault.kind == FaultKind::link_reset || fault.kind == FaultKind::link_silent) link.mend();
}

void begin_on_machine(Machine& machine, const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::power_cut:
      return machine.crash(Crash{Crash::Disk::power_cut, Crash::Peers::silence});
    case FaultKind::kill:
      return machine.crash(Crash{Crash::Disk::keeps_written, Crash::Peers::reset});
    case FaultKind::crash_in_write:
      return machine.crash_at_write(fault.writes,
                                    Crash{Crash::Disk::power_cut, Crash::Peers::silence});
    case FaultKind::disk_full: return machine.disk().fill_up();
    case FaultKind::sync_fails: return machine.disk().fail_next_syncs(1);
    case FaultKind::clock_jump: return machine.jump_wall(fault.amount);
    default: return;
  }
}

void end_on_machine(Machine& machine, const Fault& fault, const Before& before) {
  switch (fault.kind) {
    case FaultKind::crash_in_write:
      machine.crash_at_write(0);
      [[fallthrough]];
    case FaultKind::power_cut:
    case FaultKind::kill:
      if (!machine.alive()) machine.restart();
      return;
    case FaultKind::disk_full: machine.disk().model.capacity = before.capacity; return;
    case FaultKind::sync_fails: machine.disk().fail_next_syncs(0); return;
    case FaultKind::clock_jump: machine.jump_wall(-fault.amount); return;
    default: return;
  }
}

}  // namespace

FaultRates FaultRates::all(double per_hour) {
  FaultRates rates;
  for (const KindOfFault& kind : kinds) rates.*kind.rate = per_hour;
  return rates;
}

std::string text(const Fault& fault) {
  std::string out = base::to_string(fault.at) + " " +
                    kinds[static_cast<std::size_t>(fault.kind)].name + " " + fault.machine;
  if (!fault.peer.empty()) out += " - " + fault.peer;
  out += " for " + base::to_string(fault.lasts);
  if (fault.amount.count() != 0) out += " by " + base::to_string(fault.amount);
  if (fault.kind == FaultKind::crash_in_write) out += " at write " + std::to_string(fault.writes);
  return out;
}

std::string text(const std::vector<Fault>& plan) {
  std::string out;
  for (const Fault& fault : plan) out += text(fault) + "\n";
  return out;
}

std::vector<Fault> plan_faults(Random& random, const FaultScope& scope, const FaultRates& rates,
                               base::Duration length) {
  std::vector<Fault> plan;
  for (const KindOfFault& kind : kinds) {
    if (kind.of_link) {
      for (const auto& [a, b] : scope.links) plan_one(random, kind, a, b, rates, length, plan);
    } else {
      for (const std::string& name : scope.machines)
        plan_one(random, kind, name, {}, rates, length, plan);
    }
  }
  std::ranges::stable_sort(plan, {}, &Fault::at);
  return plan;
}

void start(Simulation& simulation, const std::vector<Fault>& plan) {
  for (const Fault& fault : plan) {
    Machine& machine = simulation.machine(fault.machine);
    if (fault.peer.empty()) {
      const Before before{.capacity = machine.disk().model.capacity};
      simulation.after(fault.at, [&machine, fault] { begin_on_machine(machine, fault); });
      simulation.after(fault.at + fault.lasts,
                       [&machine, fault, before] { end_on_machine(machine, fault, before); });
    } else {
      Link& link = simulation.link(fault.machine, fault.peer);
      const Before before{.latency = link.model.latency};
      simulation.after(fault.at, [&link, fault] { begin_on_link(link, fault); });
      simulation.after(fault.at + fault.lasts,
                       [&link, fault, before] { end_on_link(link, fault, before); });
    }
  }
}

}  // namespace selvedge::os::fake
