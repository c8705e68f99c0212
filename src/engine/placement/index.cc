#include "engine/placement/index.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "engine/placement/tight_cost.h"

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
  std::optional<TightCost> tight_cost;     // where it knows
  Found best{none, {std::numeric_limits<double>::infinity(), no_device}};
  std::uint32_t looked = 0, fitting = 0;
  bool edges_skipped = false;

  Walk(const Index& from, const Query& what, const NodeMask& in, const NodeMask* also_in)
      : index(from), fleet(*from.fleet_), grid(fleet.grid()), query(what), mask(in), also(also_in), shape(fleet.shape(what.shape)),
        all(in.count() == fleet.nodes() && !also),
        row(fleet.cpu_levels().of(static_cast<std::uint64_t>(shape.ask.amounts.cpu))),
        column(fleet.memory_levels().of(static_cast<std::uint64_t>(shape.ask.amounts.memory))) {
    if (!shape.weighs && TightCost::knows(query.rule, shape.ask, fleet.demand())) tight_cost.emplace(query.rule, shape.ask, fleet.demand());
  }

  bool allowed(NodeId node) const {
    if (!all && !mask.test(node)) return false;
    if (also && !also->test(node)) return false;
    return !query.barred || !query.barred->has(node);
  }

  // Whether it has what the grid does not tell.
  bool has_rest(NodeId node) const {
    return shape.ask.amounts.disk <= grid.room(node).disk && (shape.ask.devices == 0 || fits(shape.ask, fleet.space(node)));
  }
  // The cost if it fits and may be had; infinity if not.
  double look(NodeId node) {
    const Room& room = grid.room(node);
    return room.takes ? look(node, room.cpu, room.memory) : look(node, -1, -1);
  }
  double look(const Spot& spot) { return look(spot.node(), spot.cpu, spot.memory); }
  double look(NodeId node, std::int64_t cpu, std::int64_t memory) {
    ++looked;
    if (cpu < shape.ask.amounts.cpu || memory < shape.ask.amounts.memory || !allowed(node) || !has_rest(node))
      return std::numeric_limits<double>::infinity();
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
        for (const Spot& spot : grid.spots(r, static_cast<std::uint32_t>(std::countr_zero(columns)))) look(spot);
    }
  }
  // A walk through the grid that meets this few of the mask's nodes is dearer than the mask.
  std::uint32_t lost_after() const { return all ? none : 64 + 2 * mask.count(); }
  bool lost() const { return looked >= lost_after(); }

  // Cells at or above the request's levels, by the sum of their levels from the tightest on.
  struct Tightest {
    const Grid& grid;
    const std::uint32_t row_from, column_from;
    std::uint32_t sum = row_from + column_from, r = 0, c = 0;
    std::uint64_t low = (std::uint64_t{2} << row_from) - 1;    // rows beyond the sum less the column lie left of it
    std::uint64_t left = grid.diagonal(sum) & low & ~std::uint64_t{0} << row_from;

    bool next() {
      const std::uint64_t rows = ~std::uint64_t{0} << row_from;
      while (left == 0) {
        ++sum;
        low += low + 1;
        while (sum < Grid::diagonals) {                        // most are empty: four at a time
          const std::uint64_t any = grid.diagonal(sum) | grid.diagonal(sum + 1) | grid.diagonal(sum + 2) | grid.diagonal(sum + 3);
          if (any & rows & (low * 8 + 7)) break;
          sum += 4;
          low = low * 16 + 15;
        }
        if (sum >= Grid::diagonals) return false;
        left = grid.diagonal(sum) & rows & low;
      }
      r = static_cast<std::uint32_t>(std::countr_zero(left));
      c = sum - r;
      left &= left - 1;
      return true;
    }
    bool at_edge() const { return r == row_from || c == column_from; }
  };

  // The first nodes that fit, as many as there is place for, into `into`: how many there are. `fits` is small, for this is
  // where the time goes. In a cell at the request's own level of a resource many nodes may have just too little: there only
  // a few are looked at, another few each time, for they stay where they are, or (whole_edge) those alone are, but all.
  template <bool whole_edge, typename Fits>
  std::uint32_t gather(std::span<const Spot*> into, Fits fits) {
    constexpr std::uint32_t few = 4, chunk = 32;
    const auto turn = static_cast<std::uint32_t>((fleet.turns() + std::uint64_t{query.shape} * 7) * 0x9E3779B9U);
    const auto most = static_cast<std::uint32_t>(into.size());
    const std::uint32_t each = query.rule == PlacementRule::opportunity || shape.ask.devices > 0 ? 1 : most;                      // of a cell
    std::uint32_t found = 0, seen = 0, limit = lost_after();
    for (Tightest cells{grid, row, column}; cells.next();) {
      const Spots& spots = grid.cell(cells.r, cells.c);
      const Spot* spot = spots.begin();
      std::uint32_t left = spots.size(), here = 0;
      if (whole_edge && !cells.at_edge()) continue;
      if (!whole_edge && cells.at_edge()) {
        if (left > few) {
          spot += std::uint64_t{turn} * (left - few + 1) >> 32;
          left = few;
          edges_skipped = true;
        }
      }
      while (left > 0) {
        const std::uint32_t now = std::min(chunk, left);
        left -= now;
        seen += now;
        for (const Spot* const stop = spot + now; spot != stop; ++spot) {
          if (!fits(*spot)) continue;
          into[found++] = spot;
          limit = 4 * most;
          if (found == most) return found;
          if (++here == each) {
            left = 0;
            break;
          }
        }
        if (seen >= limit) {
          looked += seen;
          return found;
        }
      }
    }
    looked += seen;
    return found;
  }
  template <typename Fits>
  std::uint32_t gather(std::span<const Spot*> into, Fits fits) {
    edges_skipped = false;
    const std::uint32_t found = gather<false>(into, fits);
    return found == 0 && edges_skipped && !lost() ? gather<true>(into, fits) : found;
  }

  std::uint32_t most_candidates() const {
    if (shape.ask.devices > 0) return index.settings_.accelerated;
    return query.rule == PlacementRule::opportunity ? index.settings_.varied : index.settings_.candidates;
  }
  // False: it gave up without an answer.
  bool tight(std::uint32_t candidates) {
    std::array<const Spot*, IndexSettings::most_candidates> spots;
    const auto into = std::span(spots).first(std::clamp<std::size_t>(candidates, 1, spots.size()));
    const std::int64_t cpu = shape.ask.amounts.cpu, memory = shape.ask.amounts.memory;
    const auto has_room = [=](const Spot& spot) { return spot.cpu >= cpu && spot.memory >= memory; };
    const bool simple = tight_cost && !also && !query.barred;
    if (simple && all) fitting = gather(into, has_room);
    else if (simple) fitting = gather(into, [=, in = mask.words()](const Spot& spot) { return has_room(spot) && NodeMask::test(in, spot.node()); });
    else fitting = gather(into, [&](const Spot& spot) { return has_room(spot) && allowed(spot.node()) && has_rest(spot.node()); });
    for (const Spot* spot : into.first(fitting)) {
      const NodeId node = spot->node();
      const bool known = tight_cost && !spot->accelerated();
      const Offer offer = known ? Offer{tight_cost->of(spot->cpu_capacity, spot->memory_capacity, spot->cpu, spot->memory), no_device}
                                : index.price(query, node);
      if (offer.cost < best.offer.cost || (offer.cost == best.offer.cost && node < best.node)) best = {node, offer};
    }
    return fitting > 0 || !lost();
  }

  bool sampled(std::uint32_t cells) {
    double cheapest = std::numeric_limits<double>::infinity();
    std::span<const Spot> best_cell;
    for (Tightest at{grid, row, column}; cells > 0 && at.next();) {
      const std::span<const Spot> spots = grid.spots(at.r, at.c);
      const std::uint32_t before = fitting;
      for (const Spot& spot : spots) {
        const double cost = look(spot);
        if (cost < cheapest) {
          cheapest = cost;
          best_cell = spots;
        }
        if (fitting >= before + 2) break;
      }
      cells -= fitting > before ? 1 : 0;
      if (cells > 0 && lost()) return false;
    }
    for (const Spot& spot : best_cell) look(spot);
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
      for (const Spot& spot : grid.spots(r, c)) look(spot);
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
  else if (!narrow && order == FreeOrder::less_is_cheaper) done = walk.tight(walk.most_candidates());
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
