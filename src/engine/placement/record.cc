#include "engine/placement/record.h"

namespace selvedge::engine::placement {
namespace {

using base::Reader;
using base::Writer;

void write(Writer& out, const model::Resources& amounts) {
  out.svarint(amounts.cpu);
  out.svarint(amounts.memory);
  out.svarint(amounts.disk);
}

model::Resources read_amounts(Reader& in) {
  model::Resources amounts;
  amounts.cpu = in.svarint();
  amounts.memory = in.svarint();
  amounts.disk = in.svarint();
  return amounts;
}

void write(Writer& out, const std::vector<std::string>& texts) {
  out.varint(texts.size());
  for (const std::string& text : texts) out.text(text);
}

// How many follow; more than `most` is as good as none, and then the record does not end where it should.
bool count(Reader& in, std::size_t most, std::size_t& found) {
  const std::uint64_t n = in.varint();
  found = in.ok() && n <= most ? static_cast<std::size_t>(n) : 0;
  return in.ok() && n <= most;
}

bool read(Reader& in, std::size_t most, std::vector<std::string>& texts) {
  std::size_t n = 0;
  if (!count(in, most, n)) return false;
  for (std::size_t i = 0; i < n && in.ok(); ++i) texts.emplace_back(in.text());
  return in.ok();
}

std::unexpected<base::Error> corrupt(const char* what) {
  return base::fail(base::Code::corrupt, std::string("placement record: not a ") + what);
}

template <typename T>
base::Result<T> checked(T value, const char* what) {
  if (!check(value)) return corrupt(what);
  return value;
}

bool read(Reader& in, model::Constraint& constraint) {
  constraint.label = in.text();
  const std::uint8_t is = in.u8();
  if (is > static_cast<std::uint8_t>(model::Constraint::Is::at_most)) return false;
  constraint.is = static_cast<model::Constraint::Is>(is);
  const std::int64_t weight = in.svarint();
  if (weight < INT32_MIN || weight > INT32_MAX) return false;
  constraint.weight = static_cast<std::int32_t>(weight);
  return read(in, Limits::values, constraint.values);
}

}  // namespace

void write(Writer& out, const NodeSpec& node) {
  out.text(node.name);
  out.text(node.site);
  write(out, node.capacity);
  out.varint(node.devices);
  out.text(node.model);
  out.varint(node.labels.size());
  for (const auto& [label, value] : node.labels) {
    out.text(label);
    out.text(value);
  }
  write(out, node.taints);
  out.f64(node.idle_watts);
  out.f64(node.busy_watts);
}

base::Result<NodeSpec> read_node(Reader& in) {
  NodeSpec node;
  node.name = in.text();
  node.site = in.text();
  node.capacity = read_amounts(in);
  const std::uint64_t devices = in.varint();
  node.devices = devices > Limits::devices ? Limits::devices + 1 : static_cast<std::uint32_t>(devices);
  node.model = in.text();
  std::size_t labels = 0;
  if (!count(in, Limits::labels, labels)) return corrupt("node");
  for (std::size_t i = 0; i < labels && in.ok(); ++i) {
    std::string label(in.text());
    node.labels.emplace_back(std::move(label), in.text());
  }
  if (!read(in, Limits::taints, node.taints)) return corrupt("node");
  node.idle_watts = in.f64();
  node.busy_watts = in.f64();
  if (!in.ok()) return corrupt("node");
  return checked(std::move(node), "node");
}

void write(Writer& out, const ShapeSpec& shape) {
  write(out, shape.resources);
  out.varint(shape.accelerators.devices);
  out.varint(shape.accelerators.thousandths);
  out.text(shape.accelerators.model);
  out.varint(shape.constraints.size());
  for (const model::Constraint& constraint : shape.constraints) {
    out.text(constraint.label);
    out.u8(static_cast<std::uint8_t>(constraint.is));
    out.svarint(constraint.weight);
    write(out, constraint.values);
  }
  write(out, shape.tolerations);
  out.text(shape.near);
  out.f64(shape.latency_limit_ms);
  out.varint(shape.sources.size());
  for (const Source& source : shape.sources) {
    out.text(source.site);
    out.svarint(source.bytes);
  }
  out.f64(shape.move_weight);
  out.f64(shape.energy_weight);
  out.svarint(shape.priority);
  out.text(shape.tenant);
  out.u8(static_cast<std::uint8_t>(shape.disconnect.policy));
  out.svarint(shape.disconnect.after.count());
}

base::Result<ShapeSpec> read_shape(Reader& in) {
  ShapeSpec shape;
  shape.resources = read_amounts(in);
  const std::uint64_t devices = in.varint(), thousandths = in.varint();
  if (devices > Limits::devices || thousandths > 1000) return corrupt("shape");
  shape.accelerators.devices = static_cast<std::uint32_t>(devices);
  shape.accelerators.thousandths = static_cast<std::uint32_t>(thousandths);
  shape.accelerators.model = in.text();
  std::size_t n = 0;
  if (!count(in, Limits::constraints, n)) return corrupt("shape");
  for (std::size_t i = 0; i < n; ++i)
    if (!read(in, shape.constraints.emplace_back())) return corrupt("shape");
  if (!read(in, Limits::tolerations, shape.tolerations)) return corrupt("shape");
  shape.near = in.text();
  shape.latency_limit_ms = in.f64();
  if (!count(in, Limits::sources, n)) return corrupt("shape");
  for (std::size_t i = 0; i < n && in.ok(); ++i) {
    shape.sources.push_back({std::string(in.text()), 0});
    shape.sources.back().bytes = in.svarint();
  }
  shape.move_weight = in.f64();
  shape.energy_weight = in.f64();
  const std::int64_t priority = in.svarint();
  if (priority < INT32_MIN || priority > INT32_MAX) return corrupt("shape");
  shape.priority = static_cast<std::int32_t>(priority);
  shape.tenant = in.text();
  const std::uint8_t policy = in.u8();
  if (policy > static_cast<std::uint8_t>(model::TaskDisconnect::Policy::site)) return corrupt("shape");
  shape.disconnect.policy = static_cast<model::TaskDisconnect::Policy>(policy);
  shape.disconnect.after = base::Duration(in.svarint());
  if (!in.ok()) return corrupt("shape");
  return checked(std::move(shape), "shape");
}

void write(Writer& out, const GroupSpec& group) {
  out.u8(group.gang);
  out.text(group.spread);
  out.varint(group.apart.size());
  for (const GroupId other : group.apart) out.varint(other);
}

base::Result<GroupSpec> read_group(Reader& in) {
  GroupSpec group;
  group.gang = in.u8() != 0;
  group.spread = in.text();
  std::size_t n = 0;
  if (!count(in, Limits::apart, n)) return corrupt("group");
  for (std::size_t i = 0; i < n && in.ok(); ++i) {
    const std::uint64_t other = in.varint();
    if (other >= Limits::groups) return corrupt("group");
    group.apart.push_back(static_cast<GroupId>(other));
  }
  if (!in.ok()) return corrupt("group");
  return checked(std::move(group), "group");
}

}  // namespace selvedge::engine::placement
