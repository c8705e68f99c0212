#include "engine/placement/index.h"

#include <algorithm>
#include <limits>

namespace selvedge::engine::placement {

double seconds_to_move(const Fleet& fleet, ShapeId shape, NodeId node) {
  double seconds = 0;
  const NodeFacts& facts = fleet.facts(node);
  for (const Source& source : fleet.spec(shape).sources) {
    if (source.site == facts.spec.site) continue;
    const Link* link = fleet.link(source.site, facts.site);
    seconds += static_cast<double>(source.bytes) / (link ? link->bytes_per_second : unknown_bytes_per_second);
  }
  return seconds;
}

double watts_added(const Fleet& fleet, ShapeId shape, NodeId node) {
  const NodeSpec& spec = fleet.facts(node).spec;
  const double busy = std::max(0.0, spec.busy_watts - spec.idle_watts);
  const double share = spec.capacity.cpu > 0 ? static_cast<double>(fleet.shape(shape).ask.amounts.cpu) / static_cast<double>(spec.capacity.cpu) : 0;
  // A node without tasks could be switched off.
  return busy * share + (fleet.grid().room(node).first_task == none ? spec.idle_watts : 0);
}

Offer Index::price(const Query& query, NodeId node) const {
  const Shape& shape = fleet_->shape(query.shape);
  Offer offer;
  if (query.rule == PlacementRule::random_fit) {
    Ask ask = shape.ask;
    ask.salt = query.salt;
    offer = engine::offer(query.rule, ask, fleet_->space(node), fleet_->demand());
  } else {
    offer = engine::offer(query.rule, shape.ask, fleet_->space(node), fleet_->demand());
  }
  if (shape.weighs) {
    const ShapeSpec& spec = fleet_->spec(query.shape);
    if (spec.move_weight > 0) offer.cost += spec.move_weight * seconds_to_move(*fleet_, query.shape, node);
    if (spec.energy_weight > 0) offer.cost += spec.energy_weight * watts_added(*fleet_, query.shape, node);
  }
  return offer;
}

// One search: what it has found, and how it looks at a node.
struct Index::Walk {
  const Index& index;
  const Fleet& fleet;
  const Grid& grid;
  const Query& query;
  const NodeMask& mask;
  const NodeMask* also;                    // nodes must be in both
  const Shape& shape;
  const bool all;                          // nodes that take tasks are in the mask: no need to ask
  const std::uint32_t row, column;         // the request's own levels
  Found best{none, {std::numeric_limits<double>::infinity(), no_device}};
  std::uint32_t looked = 0, fitting = 0;

  Walk(const Index& from, const Query& what, const NodeMask& in, const NodeMask* also_in)
      : index(from), fleet(*from.fleet_), grid(fleet.grid()), query(what), mask(in), also(also_in), shape(fleet.shape(what.shape)),
        all(in.count() == fleet.nodes() && !also),
        row(fleet.cpu_levels().of(static_cast<std::uint64_t>(shape.ask.amounts.cpu))),
        column(fleet.memory_levels().of(static_cast<std::uint64_t>(shape.ask.amounts.memory))) {}

  bool allowed(NodeId node) const {
    if (!all && !mask.test(node)) return false;
    if (also && !also->test(node)) return false;
    return !query.barred || !query.barred->has(node);
  }

  // The cost if it fits and may be had; infinity if not.
  double look(NodeId node) {
    ++looked;
    if (!allowed(node)) return std::numeric_limits<double>::infinity();
    const Room& room = grid.room(node);
    const model::Resources& amounts = shape.ask.amounts;
    if (amounts.cpu > room.cpu || amounts.memory > room.memory || amounts.disk > room.disk || !room.takes)
      return std::numeric_limits<double>::infinity();
    if (shape.ask.devices > 0 && !fits(shape.ask, fleet.space(node))) return std::numeric_limits<double>::infinity();
    ++fitting;
    const Offer offer = index.price(query, node);
    if (offer.cost < best.offer.cost || (offer.cost == best.offer.cost && node < best.node)) best = {node, offer};
    return offer.cost;
  }

  void whole_mask() {
    mask.each([&](NodeId node) {
      look(node);
      return query.rule != PlacementRule::first_fit || shape.weighs || best.node == none;
    });
  }
  void whole_grid() {
    const std::uint64_t rows = grid.rows() >> row << row;
    for (std::uint64_t left = rows; left; left &= left - 1) {
      const auto r = static_cast<std::uint32_t>(std::countr_zero(left));
      for (std::uint64_t columns = grid.columns(r) >> column << column; columns; columns &= columns - 1)
        for (const NodeId node : grid.nodes(r, static_cast<std::uint32_t>(std::countr_zero(columns)))) look(node);
    }
  }
  // A walk through the grid that meets this few of the mask's nodes is dearer than the mask.
  bool lost() const { return !all && looked > 64 + 2 * mask.count(); }

  // Cells by the sum of their levels from the tightest on; `visit` returns false to stop.
  template <typename Visit>
  void tightest_first(Visit visit) {
    for (std::uint32_t sum = row + column; sum < Grid::diagonals; ++sum) {
      std::uint64_t cells = grid.diagonal(sum) >> row << row;
      const std::uint32_t last = sum - column;                  // rows beyond it lie left of the request's column
      if (last < 63) cells &= (std::uint64_t{2} << last) - 1;
      for (; cells; cells &= cells - 1) {
        const auto r = static_cast<std::uint32_t>(std::countr_zero(cells));
        if (!visit(r, sum - r)) return;
      }
    }
  }

  // In a cell at the request's own level of a resource many nodes may have just too little. First only a few of them
  // are looked at, another few each time, for they stay where they are; all of them if nothing else fits.
  std::span<const NodeId> some_of(std::span<const NodeId> nodes) const {
    constexpr std::size_t few = 4;
    if (nodes.size() <= few) return nodes;
    return nodes.subspan((fleet.turns() + std::uint64_t{query.shape} * 7) % (nodes.size() - few + 1), few);
  }
  bool tight(std::uint32_t candidates) {
    bool gave_up = false, skipped = false;
    const auto visit = [&](std::span<const NodeId> nodes) {
      for (const NodeId node : nodes.first(std::min<std::size_t>(nodes.size(), candidates))) __builtin_prefetch(&grid.room(node));
      for (const NodeId node : nodes) {
        look(node);
        if (fitting >= candidates || (fitting > 0 && looked >= 4 * candidates)) return false;
      }
      gave_up = lost();
      return !gave_up;
    };
    tightest_first([&](std::uint32_t r, std::uint32_t c) {
      const std::span<const NodeId> nodes = grid.nodes(r, c);
      if (r != row && c != column) return visit(nodes);
      const std::span<const NodeId> few = some_of(nodes);
      skipped |= few.size() < nodes.size();
      return visit(few);
    });
    if (fitting > 0 || gave_up || !skipped) return !gave_up;
    tightest_first([&](std::uint32_t r, std::uint32_t c) { return (r != row && c != column) || visit(grid.nodes(r, c)); });
    return !gave_up;
  }

  bool sampled(std::uint32_t cells) {
    bool gave_up = false;
    double cheapest = std::numeric_limits<double>::infinity();
    std::span<const NodeId> best_cell;
    tightest_first([&](std::uint32_t r, std::uint32_t c) {
      const std::span<const NodeId> nodes = grid.nodes(r, c);
      const std::uint32_t before = fitting;
      for (const NodeId node : nodes) {
        const double cost = look(node);
        if (cost < cheapest) {
          cheapest = cost;
          best_cell = nodes;
        }
        if (fitting >= before + 2) break;
      }
      if (fitting > before && --cells == 0) return false;
      gave_up = lost();
      return !gave_up;
    });
    if (gave_up) return false;
    for (const NodeId node : best_cell) look(node);
    return true;
  }

  // For rules that want room: cells whose roomiest possible node would cost more than the best so far are left out.
  bool roomiest_first();
  double bound(std::uint32_t r, std::uint32_t c) const;
};

// The cost cannot be less on any node of a cell: its corner free, on a node as small as the smallest, with all the
// accelerators a node can have. The article's rule and tasks without disk know no more resources.
double Index::Walk::bound(std::uint32_t r, std::uint32_t c) const {
  const auto free_cpu = static_cast<std::int64_t>(fleet.cpu_levels().above(r));
  const auto free_memory = static_cast<std::int64_t>(fleet.memory_levels().above(c));
  const NodeSpace corner{fleet.least_capacity(), {free_cpu, free_memory, 0}, {}, 0, 0};
  const double devices = query.rule == PlacementRule::article || !fleet.accelerated() ? 0 : std::max(1.0, Limits::devices * fleet.demand().per_device());
  return cost(query.rule, shape.ask, corner, fleet.demand()) - devices;
}

bool Index::Walk::roomiest_first() {
  for (std::uint64_t rows = grid.rows() >> row << row; rows;) {
    const auto r = static_cast<std::uint32_t>(63 - std::countl_zero(rows));
    rows ^= std::uint64_t{1} << r;
    // Columns of lower rows can be as high as any: the bound of the corner of all that is left.
    if (best.node != none && bound(r, 63) > best.offer.cost) break;
    for (std::uint64_t columns = grid.columns(r) >> column << column; columns;) {
      const auto c = static_cast<std::uint32_t>(63 - std::countl_zero(columns));
      columns ^= std::uint64_t{1} << c;
      if (best.node != none && bound(r, c) > best.offer.cost) break;
      for (const NodeId node : grid.nodes(r, c)) look(node);
    }
    if (lost()) return false;
  }
  return true;
}

Found Index::search(const Query& query, const NodeMask& tier) const {
  const bool within = query.within && query.within->count() < tier.count();
  const NodeMask& mask = within ? *query.within : tier;      // the smaller is walked through
  Walk walk(*this, query, mask, within ? &tier : query.within);
  const Ask& ask = walk.shape.ask;
  const std::uint32_t nodes = fleet_->grid().count(), marked = mask.count();
  if (nodes == 0 || marked == 0) return walk.best;
  const FreeOrder order = free_order(query.rule);
  const bool by_order = query.rule == PlacementRule::first_fit || query.rule == PlacementRule::random_fit;
  const bool unbounded = order == FreeOrder::more_is_cheaper && query.rule != PlacementRule::article &&
                         (ask.amounts.disk > 0 || fleet_->least_capacity().cpu == 0 || fleet_->least_capacity().memory == 0);
  if (query.effort == Effort::exact || walk.shape.weighs || by_order || unbounded || std::min(nodes, marked) <= settings_.whole) {
    marked < nodes || by_order ? walk.whole_mask() : walk.whole_grid();
    return walk.best;
  }
  // Of m nodes in n cells a walk meets one every n/m nodes.
  const bool narrow = std::uint64_t{marked} * marked < nodes;
  bool done = false;
  if (!narrow && order == FreeOrder::more_is_cheaper) done = walk.roomiest_first();
  else if (!narrow && order == FreeOrder::less_is_cheaper) done = walk.tight(settings_.candidates);
  else if (!narrow) done = walk.sampled(settings_.sampled);
  if (!done) walk.whole_mask();
  return walk.best;
}

Found Index::find(const Query& query) const {
  const ConstraintSet& set = fleet_->set(fleet_->shape(query.shape).set);
  if (set.tiers.empty()) return search(query, set.mask);
  for (const NodeMask& tier : set.tiers)
    if (const Found found = search(query, tier); found.node != none) return found;
  return {};
}

}  // namespace selvedge::engine::placement
