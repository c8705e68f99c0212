// The whole state as bytes, and back: what changes cannot give again (the order within cells, on nodes, in groups and of
// free numbers) is written as it is; masks, levels and sums follow from the rest.

#include <algorithm>

#include "base/crc32c.h"
#include "engine/placement/fleet.h"
#include "engine/placement/record.h"

namespace selvedge::engine::placement {
namespace {

constexpr std::uint32_t magic = 0x314C5053;      // "SPL1"

void write(base::Writer& out, const std::vector<std::uint32_t>& numbers) {
  out.varint(numbers.size());
  for (const std::uint32_t number : numbers) out.varint(number);
}

// Different numbers below `limit`.
bool read(base::Reader& in, std::size_t limit, std::vector<std::uint32_t>& numbers) {
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > limit || count > in.remaining()) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t number = in.varint();
    if (number >= limit) return false;
    numbers.push_back(static_cast<std::uint32_t>(number));
  }
  return in.ok();
}

}  // namespace

void Fleet::save(base::Bytes& bytes) {
  CHECK(!trying_);
  demand_.refresh();
  if (journal_) base::Writer(*journal_).u8(static_cast<std::uint8_t>(Record::refreshed));
  const std::size_t start = bytes.size();
  base::Writer out(bytes);
  out.u32(magic);
  out.varint(models_.size());
  for (const std::string& model : models_) out.text(model);
  out.u8(static_cast<std::uint8_t>(cpu_levels_.shift()));
  out.u8(static_cast<std::uint8_t>(memory_levels_.shift()));
  out.svarint(least_.cpu);
  out.svarint(least_.memory);
  out.svarint(least_.disk);
  out.u8(accelerated_);
  out.varint(layout_);

  out.varint(facts_.size());
  for (const NodeFacts& facts : facts_) {
    out.u8(facts.known);
    if (!facts.known) continue;
    placement::write(out, facts.spec);
    out.u8(static_cast<std::uint8_t>(facts.state));
    out.u8(facts.held);
  }
  write(out, free_nodes_);
  std::vector<std::pair<std::pair<std::string, std::string>, Link>> links;     // by name, for numbers of names depend on the past
  for (const auto& [key, link] : links_) {
    std::string a(names_.text(static_cast<NameId>(key >> 32))), b(names_.text(static_cast<NameId>(key & 0xFFFFFFFF)));
    if (b < a) std::swap(a, b);
    links.emplace_back(std::pair(std::move(a), std::move(b)), link);
  }
  std::sort(links.begin(), links.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  out.varint(links.size());
  for (const auto& [sites, link] : links) {
    out.text(sites.first);
    out.text(sites.second);
    out.f64(link.latency_ms);
    out.f64(link.bytes_per_second);
  }

  out.varint(shapes_.size());
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    out.u8(shapes_[i].known);
    if (!shapes_[i].known) continue;
    placement::write(out, words_[i].spec);
    out.varint(words_[i].holders);
  }
  write(out, free_shapes_);
  out.varint(groups_.size());
  for (const Group& group : groups_) {
    out.u8(group.known);
    if (group.known) placement::write(out, group.spec);
  }
  write(out, free_groups_);

  out.varint(tasks_.size());
  for (std::size_t i = 0; i < tasks_.size(); ++i) {
    const Task& task = tasks_[i];
    out.u8(task.shape != Task::no_shape);
    if (task.shape == Task::no_shape) continue;
    out.varint(task.shape);
    out.varint(task.node());
    out.varint(task.devices);
    out.varint(notes_[i].tag);
    out.varint(notes_[i].group == none ? 0 : notes_[i].group + std::uint64_t{1});
    out.svarint(notes_[i].ends);
  }
  write(out, free_tasks_);
  for (NodeId node = 0; node < facts_.size(); ++node) {
    std::vector<TaskId> tasks;
    for (TaskId task = grid_.room(node).first_task; task != none; task = tasks_[task].next) tasks.push_back(task);
    std::reverse(tasks.begin(), tasks.end());              // as they came
    write(out, tasks);
  }
  for (const Group& group : groups_) write(out, group.members);
  for (Cell cell = 0; cell < Grid::cells; ++cell) {
    const auto spots = grid_.spots(cell);
    if (spots.empty()) continue;
    out.varint(cell + std::uint64_t{1});
    std::vector<NodeId> nodes;
    for (const Spot& spot : spots) nodes.push_back(spot.node());
    write(out, nodes);
  }
  out.varint(0);
  demand_.save(out);
  out.varint(asks_);
  out.varint(turns_);
  out.u32(base::crc32c(base::BytesView(bytes).subspan(start)));
}

// Builds a fleet from saved bytes. Whatever they are, the fleet is consistent or not given out.
class FleetLoader {
 public:
  explicit FleetLoader(base::Reader in) : in_(in), fleet_(std::make_unique<Fleet>()) {}

  base::Result<std::unique_ptr<Fleet>> load() {
    const bool whole = in_.u32() == magic && head() && nodes() && links() && shapes() && groups() && tasks() && orders() && tail();
    if (!whole) return base::fail(base::Code::corrupt, "saved placement: not whole");
    return std::move(fleet_);
  }

 private:
  bool count(std::size_t most, std::size_t& found) {
    const std::uint64_t n = in_.varint();
    found = static_cast<std::size_t>(n);
    return in_.ok() && n <= most && n <= in_.remaining();
  }
  // Free numbers: exactly those that are not in use, each once.
  template <typename Used>
  bool free_numbers(std::size_t size, std::vector<std::uint32_t>& numbers, Used used) {
    if (!read(in_, size, numbers)) return false;
    std::vector<bool> seen(size);
    for (const std::uint32_t number : numbers) {
      if (seen[number] || used(number)) return false;
      seen[number] = true;
    }
    std::size_t in_use = 0;
    for (std::size_t i = 0; i < size; ++i) in_use += used(static_cast<std::uint32_t>(i));
    return in_use + numbers.size() == size;
  }

  bool head() {
    std::size_t models = 0;
    if (!count(64, models)) return false;
    for (std::size_t i = 0; i < models; ++i) {
      std::string model(in_.text());
      if (!in_.ok() || model.size() > Limits::name_bytes || fleet_->model(model)) return false;
      fleet_->models_.push_back(std::move(model));
    }
    const std::uint8_t cpu = in_.u8(), memory = in_.u8();
    if (cpu > 32 || memory > 40) return false;
    fleet_->cpu_levels_.widen(cpu == 0 ? 0 : std::uint64_t{1} << (cpu + 11));
    fleet_->memory_levels_.widen(memory == 0 ? 0 : std::uint64_t{1} << (memory + 11));
    least_.cpu = in_.svarint();
    least_.memory = in_.svarint();
    least_.disk = in_.svarint();
    accelerated_ = in_.u8() != 0;
    layout_ = in_.varint();
    return in_.ok() && least_.cpu >= 0 && least_.memory >= 0 && least_.disk >= 0;
  }

  bool nodes() {
    std::size_t size = 0;
    if (!count(Limits::nodes, size)) return false;
    for (std::size_t i = 0; i < size; ++i) {
      if (in_.u8() != 0) {
        const auto spec = read_node(in_);
        if (!spec || !fleet_->add_node(*spec)) return false;
        const std::uint8_t state = in_.u8();
        const bool held = in_.u8() != 0;
        if (!in_.ok() || state >= node_states) return false;
        const auto node = static_cast<NodeId>(i);
        if (!fleet_->set_state(node, static_cast<NodeState>(state)) || !fleet_->hold_node(node, held)) return false;
      } else {
        if (!in_.ok()) return false;
        fleet_->facts_.emplace_back();
        fleet_->grid_.grow();
      }
    }
    return free_numbers(size, fleet_->free_nodes_, [&](NodeId node) { return fleet_->facts_[node].known; });
  }

  bool links() {
    std::size_t size = 0;
    if (!count(Limits::links, size)) return false;
    for (std::size_t i = 0; i < size; ++i) {
      const std::string site(in_.text()), other(in_.text());
      Link link;
      link.latency_ms = in_.f64();
      link.bytes_per_second = in_.f64();
      if (!in_.ok() || !fleet_->set_link(site, other, link)) return false;
    }
    return true;
  }

  bool shapes() {
    std::size_t size = 0;
    if (!count(Limits::shapes, size)) return false;
    for (std::size_t i = 0; i < size; ++i) {
      if (in_.u8() != 0) {
        const auto spec = read_shape(in_);
        const std::uint64_t holders = in_.varint();
        if (!in_.ok() || !spec || holders > UINT32_MAX) return false;
        const auto shape = fleet_->add_shape(*spec);
        if (!shape || *shape != i) return false;           // equal ones are kept once
        fleet_->words_[i].holders = static_cast<std::uint32_t>(holders);
      } else {
        fleet_->shapes_.emplace_back();
        fleet_->words_.emplace_back();
      }
    }
    return free_numbers(size, fleet_->free_shapes_, [&](ShapeId shape) { return fleet_->shapes_[shape].known; });
  }

  bool groups() {
    std::size_t size = 0;
    if (!count(Limits::groups, size)) return false;
    for (std::size_t i = 0; i < size; ++i) {
      Group& group = fleet_->groups_.emplace_back();
      if (in_.u8() == 0) continue;
      auto spec = read_group(in_);
      if (!spec) return false;
      group.spec = std::move(*spec);
      group.known = true;
      if (group.spec.spread.empty()) continue;
      const auto name = fleet_->names_.hold(group.spec.spread);
      if (!name) return false;
      group.spread = *name;
    }
    return in_.ok() && free_numbers(size, fleet_->free_groups_, [&](GroupId group) { return fleet_->groups_[group].known; });
  }

  bool tasks() {
    std::size_t size = 0;
    if (!count(Limits::tasks, size)) return false;
    fleet_->tasks_.resize(size);
    fleet_->notes_.resize(size);
    for (std::size_t i = 0; i < size; ++i)
      if (in_.u8() != 0 && !task(fleet_->tasks_[i], fleet_->notes_[i])) return false;
    for (const Shape& shape : fleet_->shapes_)
      if (shape.known && shape.tasks == 0 && fleet_->words_[static_cast<std::size_t>(&shape - fleet_->shapes_.data())].holders == 0) return false;
    return in_.ok() && free_numbers(size, fleet_->free_tasks_, [&](TaskId task) { return fleet_->runs(task); });
  }

  bool task(Task& task, TaskNote& note) {
    const std::uint64_t shape = in_.varint(), node = in_.varint(), devices = in_.varint();
    note.tag = in_.varint();
    const std::uint64_t group = in_.varint();
    note.ends = in_.svarint();
    if (!in_.ok() || shape >= fleet_->shapes_.size() || node >= fleet_->facts_.size() || group > fleet_->groups_.size()) return false;
    if (!fleet_->shapes_[shape].known || !fleet_->facts_[node].known) return false;
    if (group != 0 && !fleet_->groups_[group - 1].known) return false;
    if (!fleet_->devices_fit(static_cast<ShapeId>(shape), static_cast<NodeId>(node), devices)) return false;
    task.shape = static_cast<std::uint16_t>(shape);
    task.where = static_cast<std::uint32_t>(node) | (group == 0 ? 0 : Task::in_group);
    task.devices = static_cast<std::uint16_t>(devices);
    note.group = group == 0 ? none : static_cast<GroupId>(group - 1);
    const Room& room = fleet_->grid_.room(static_cast<NodeId>(node));
    const model::Resources& amounts = fleet_->shapes_[shape].ask.amounts;
    // A node never had more in use than it could have had: it may only have become smaller since.
    if (room.cpu_capacity - room.cpu + amounts.cpu >= Limits::cpu || room.memory_capacity - room.memory + amounts.memory > Limits::bytes ||
        room.disk_capacity - room.disk + amounts.disk > Limits::bytes)
      return false;
    fleet_->give(fleet_->shapes_[shape], static_cast<NodeId>(node), task.devices, -1);
    ++fleet_->shapes_[shape].tasks;
    return true;
  }

  bool orders() {
    std::size_t linked = 0, grouped = 0, in_groups = 0, in_cells = 0;
    std::vector<bool> seen(fleet_->tasks_.size());
    for (NodeId node = 0; node < fleet_->facts_.size(); ++node) {
      std::vector<TaskId> order;
      if (!read(in_, fleet_->tasks_.size(), order)) return false;
      for (const TaskId id : order) {
        if (!fleet_->runs(id) || seen[id] || fleet_->tasks_[id].node() != node) return false;
        seen[id] = true;
        fleet_->link(id);
        ++linked;
      }
    }
    if (linked != fleet_->tasks()) return false;
    seen.assign(seen.size(), false);
    for (GroupId group = 0; group < fleet_->groups_.size(); ++group) {
      std::vector<TaskId>& members = fleet_->groups_[group].members;
      if (!read(in_, fleet_->tasks_.size(), members) || members.size() > Limits::members) return false;
      for (const TaskId id : members) {
        if (!fleet_->runs(id) || seen[id] || fleet_->notes_[id].group != group) return false;
        seen[id] = true;
        ++in_groups;
      }
    }
    for (TaskId id = 0; id < fleet_->tasks_.size(); ++id) grouped += fleet_->runs(id) && fleet_->tasks_[id].grouped();
    if (grouped != in_groups) return false;
    for (NodeId node = 0; node < fleet_->facts_.size(); ++node)
      if (fleet_->grid_.room(node).place.cell != nowhere) fleet_->grid_.erase(node);
    for (std::uint64_t cell = in_.varint(); cell != 0; cell = in_.varint()) {
      std::vector<NodeId> order;
      if (!in_.ok() || cell > Grid::cells || !read(in_, fleet_->facts_.size(), order)) return false;
      for (const NodeId node : order) {
        const Room& room = fleet_->grid_.room(node);
        if (room.place.cell != nowhere || !fleet_->facts_[node].known || fleet_->cell_of(room) != cell - 1) return false;
        fleet_->grid_.insert(node, static_cast<Cell>(cell - 1));
        ++in_cells;
      }
    }
    for (NodeId node = 0; node < fleet_->facts_.size(); ++node)
      if (fleet_->facts_[node].known && fleet_->cell_of(fleet_->grid_.room(node)) != nowhere) {
        if (in_cells == 0) return false;
        --in_cells;
      }
    return in_cells == 0;
  }

  bool tail() {
    auto demand = Demand::restore(in_);
    if (!demand) return false;
    fleet_->demand_ = *demand;
    fleet_->asks_ = in_.varint();
    fleet_->turns_ = in_.varint();
    // What nodes that are gone have left behind: bounds that are wider than the nodes of now would make them.
    const model::Resources& now = fleet_->least_;
    if (least_.cpu > now.cpu || least_.memory > now.memory || least_.disk > now.disk || layout_ < 1) return false;
    fleet_->least_ = least_;
    fleet_->accelerated_ |= accelerated_;
    fleet_->layout_ = layout_;
    return in_.ok() && in_.at_end();
  }

  base::Reader in_;
  std::unique_ptr<Fleet> fleet_;
  model::Resources least_;
  bool accelerated_ = false;
  std::uint64_t layout_ = 1;
};

base::Result<std::unique_ptr<Fleet>> Fleet::restore(base::BytesView bytes) {
  if (bytes.size() < 8) return base::fail(base::Code::corrupt, "saved placement: too short");
  base::Reader sum(bytes.last(4));
  if (sum.u32() != base::crc32c(bytes.first(bytes.size() - 4)))
    return base::fail(base::Code::corrupt, "saved placement: its checksum is wrong");
  return FleetLoader(base::Reader(bytes.first(bytes.size() - 4))).load();
}

}  // namespace selvedge::engine::placement
