#include "engine/placement/placer.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace selvedge::engine::placement {

using base::Code;
using base::fail;

base::Result<void> Placer::check(const Want& want) const {
  if (!fleet_->has_shape(want.shape)) return fail(Code::not_found, "place a task: there is no shape " + std::to_string(want.shape));
  if (want.note.group == none) return {};
  if (!fleet_->has_group(want.note.group))
    return fail(Code::not_found, "place a task: there is no group " + std::to_string(want.note.group));
  if (fleet_->group(want.note.group).members.size() >= Limits::members)
    return fail(Code::exhausted, "place a task: its group is full");
  return {};
}

// Nodes with tasks of groups that this one is to be apart from.
void Placer::bar(GroupId group) {
  barred_.clear();
  if (group == none) return;
  for (const GroupId other : fleet_->group(group).spec.apart) {
    if (!fleet_->has_group(other)) continue;
    for (const TaskId task : fleet_->group(other).members) barred_.add(fleet_->task(task).node());
  }
}

Found Placer::spread_over_nodes(Query query, GroupId group) {
  std::unordered_map<NodeId, std::uint32_t> counts;
  for (const TaskId task : fleet_->group(group).members) ++counts[fleet_->task(task).node()];
  std::set<std::uint32_t> levels{0};
  for (const auto& [node, count] : counts) levels.insert(count);
  for (const std::uint32_t level : levels) {                   // nodes with at most `level` members
    bar(group);
    for (const auto& [node, count] : counts)
      if (count > level) barred_.add(node);
    if (const Found found = index_.find(query); found.node != none) return found;
  }
  return {};
}

Found Placer::spread_over_values(Query query, GroupId group) {
  const NameId label = fleet_->group(group).spread;
  constexpr std::size_t most_labels = 64;  // whose nodes are kept
  if (spreads_.size() >= most_labels && !spreads_.contains(label)) spreads_.clear();
  SpreadValues& spread = spreads_[label];
  if (spread.layout != fleet_->layout()) {
    spread = {fleet_->layout(), {}, {}};
    for (NodeId node = 0; node < fleet_->node_numbers(); ++node) {
      const NameId* value = fleet_->knows(node) ? fleet_->facts(node).label(label) : nullptr;
      if (!value) continue;
      const auto [at, is_new] = spread.nodes.try_emplace(*value);
      if (is_new) spread.values.push_back(*value);
      at->second.set(node, true);
    }
  }
  std::unordered_map<NameId, std::uint32_t> counts;
  for (const TaskId task : fleet_->group(group).members)
    if (const NameId* value = fleet_->facts(fleet_->task(task).node()).label(label)) ++counts[*value];
  std::vector<std::pair<std::uint32_t, NameId>> order;
  for (const NameId value : spread.values) {
    const auto at = counts.find(value);
    order.emplace_back(at == counts.end() ? 0 : at->second, value);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  constexpr int most_alike = 64;           // values with equally few members whose best nodes are compared
  Found best;
  int alike = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && order[i].first != order[i - 1].first) {
      if (best.node != none) return best;
      alike = 0;
    }
    if (best.node != none && alike >= most_alike) continue;
    query.within = &spread.nodes.at(order[i].second);
    const Found found = index_.find(query);
    ++alike;
    if (found.node != none && (best.node == none || found.offer.cost < best.offer.cost)) best = found;
  }
  if (best.node != none) return best;
  query.within = nullptr;                  // nodes without the label
  return index_.find(query);
}

Found Placer::find(const Want& want, std::uint64_t salt) {
  Query query{.shape = want.shape, .rule = rule_, .effort = Effort::quick, .salt = salt, .within = nullptr, .barred = nullptr};
  if (want.note.group == none) return index_.find(query);
  const Group& group = fleet_->group(want.note.group);
  if (!group.spec.apart.empty() || group.spread != none) query.barred = &barred_;
  bar(want.note.group);
  if (group.spread == none) return index_.find(query);
  return group.spec.spread == "node" ? spread_over_nodes(query, want.note.group) : spread_over_values(query, want.note.group);
}

base::Result<Placed> Placer::put(const Want& want, std::uint64_t salt) {
  const Found found = find(want, salt);
  if (found.node == none) return fail(Code::exhausted, "place a task: no node that takes tasks and meets its constraints has room");
  const TaskId task = TRY(fleet_->commit(want.shape, found.node, want.note, found.offer.device));
  return Placed{task, found.node};
}

base::Result<Placed> Placer::place(const Want& want) {
  TRY(check(want));
  fleet_->asked(want.shape);
  return put(want, fleet_->turns());
}

Found Placer::look(const Want& want) { return check(want) ? find(want, fleet_->turns()) : Found{}; }

std::vector<std::size_t> Placer::biggest_first(std::span<const Want> wants) const {
  std::vector<std::size_t> order(wants.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const model::Resources& all = fleet_->capacity();
  const auto share = [](std::int64_t part, std::int64_t of) {
    return of > 0 ? static_cast<double>(part) / static_cast<double>(of) : 0;
  };
  std::vector<double> sizes(wants.size());
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const Ask& ask = fleet_->shape(wants[i].shape).ask;
    sizes[i] = std::max({share(ask.amounts.cpu, all.cpu), share(ask.amounts.memory, all.memory), share(ask.amounts.disk, all.disk),
                         share(ask.devices * std::int64_t{ask.thousandths}, std::int64_t{fleet_->accelerators()} * 1000)});
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sizes[a] > sizes[b]; });
  return order;
}

std::vector<base::Result<Placed>> Placer::place_batch(std::span<const Want> wants) {
  std::vector<base::Result<Placed>> answers(wants.size(), fail(Code::exhausted, "place a batch: it has more than 4096 tasks"));
  if (wants.size() > most_batch) return answers;
  std::vector<std::size_t> good;
  std::vector<Want> known;
  for (std::size_t i = 0; i < wants.size(); ++i) {
    if (const auto fine = check(wants[i]); !fine) {
      answers[i] = std::unexpected(fine.error());
      continue;
    }
    good.push_back(i);
    known.push_back(wants[i]);
  }
  for (const std::size_t i : biggest_first(known)) answers[good[i]] = place(known[i]);
  return answers;
}

base::Result<std::vector<Placed>> Placer::place_gang(std::span<const Want> wants) {
  if (wants.size() > Limits::members) return fail(Code::invalid_input, "place a gang: it has too many members");
  for (const Want& want : wants) {
    TRY(check(want));
    fleet_->asked(want.shape);
  }
  std::vector<Placed> placed(wants.size());
  fleet_->begin();
  for (const std::size_t i : biggest_first(wants)) {
    auto one = put(wants[i], fleet_->turns());
    if (!one) {
      fleet_->undo();
      return std::unexpected(std::move(one).error().while_doing("place a gang of " + std::to_string(wants.size())));
    }
    placed[i] = *one;
  }
  fleet_->keep();
  return placed;
}

base::Result<Displaced> Placer::place_or_displace(const Want& want, const PreemptSettings& settings) {
  auto simply = place(want);
  if (simply) return Displaced{*simply, {}};
  if (simply.error().code != Code::exhausted) return std::unexpected(simply.error());
  bar(want.note.group);
  const auto plan = plan_preemption(*fleet_, want.shape, settings, &barred_);
  if (!plan) return std::unexpected(std::move(simply).error().while_doing("displace tasks of lower priority: none would do"));
  Displaced displaced;
  fleet_->begin();
  for (const TaskId victim : plan->victims) {
    displaced.victims.push_back(fleet_->note(victim));
    base::ignore(fleet_->release(victim), "the plan names running tasks");
  }
  const auto task = fleet_->commit(want.shape, plan->node, want.note);
  if (!task) {
    fleet_->undo();
    return std::unexpected(task.error());
  }
  fleet_->keep();
  displaced.placed = {*task, plan->node};
  return displaced;
}

Explanation Placer::explain(const Want& want, std::size_t closest) {
  CHECK(fleet_->has_shape(want.shape) && (want.note.group == none || fleet_->has_group(want.note.group)));
  bar(want.note.group);
  return placement::explain(*fleet_, want.shape, closest, &barred_);
}

}  // namespace selvedge::engine::placement
