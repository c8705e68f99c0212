#include "engine/placement/spec.h"

#include <cmath>

namespace selvedge::engine::placement {
namespace {

using base::Code;
using base::fail;

bool short_name(std::string_view text) { return text.size() <= Limits::name_bytes; }
bool amount(double value) { return std::isfinite(value) && value >= 0 && value <= 1e12; }

base::Result<void> check_amounts(const model::Resources& amounts, const std::string& of) {
  if (amounts.cpu < 0 || amounts.cpu >= Limits::cpu)
    return fail(Code::invalid_input, of + ": cpu of " + std::to_string(amounts.cpu) + " thousandths is out of range");
  if (amounts.memory < 0 || amounts.memory > Limits::bytes || amounts.disk < 0 || amounts.disk > Limits::bytes)
    return fail(Code::invalid_input, of + ": memory or disk is out of range");
  return {};
}

base::Result<void> check_constraint(const model::Constraint& constraint) {
  const std::string of = "constraint on '" + constraint.label.substr(0, 64) + "'";
  if (constraint.label.empty() || !short_name(constraint.label)) return fail(Code::invalid_input, of + ": bad label");
  if (constraint.values.size() > Limits::values) return fail(Code::invalid_input, of + ": too many values");
  for (const std::string& value : constraint.values)
    if (!short_name(value)) return fail(Code::invalid_input, of + ": a value is too long");
  using Is = model::Constraint::Is;
  const bool bare = constraint.is == Is::exists || constraint.is == Is::absent;
  const bool single = constraint.is == Is::equal || constraint.is == Is::not_equal || constraint.is == Is::at_least ||
                      constraint.is == Is::at_most;
  if (bare && !constraint.values.empty()) return fail(Code::invalid_input, of + ": takes no value");
  if (single && constraint.values.size() != 1) return fail(Code::invalid_input, of + ": takes one value");
  if (constraint.weight < -1'000'000 || constraint.weight > 1'000'000)
    return fail(Code::invalid_input, of + ": weight is out of range");
  return {};
}

}  // namespace

base::Result<void> check(const NodeSpec& node) {
  const std::string of = "node '" + node.name.substr(0, 64) + "'";
  if (node.name.empty() || !short_name(node.name) || !short_name(node.site) || !short_name(node.model))
    return fail(Code::invalid_input, of + ": bad name, site or model");
  TRY(check_amounts(node.capacity, of));
  if (node.devices > Limits::devices) return fail(Code::invalid_input, of + ": more than 16 accelerators");
  if (node.labels.size() > Limits::labels) return fail(Code::invalid_input, of + ": too many labels");
  if (node.taints.size() > Limits::taints) return fail(Code::invalid_input, of + ": too many taints");
  for (const auto& [label, value] : node.labels) {
    if (label.empty() || !short_name(label) || !short_name(value)) return fail(Code::invalid_input, of + ": bad label");
    if (label == "site" || label == "node") return fail(Code::invalid_input, of + ": label '" + label + "' is given by its name");
  }
  for (const std::string& taint : node.taints)
    if (taint.empty() || !short_name(taint)) return fail(Code::invalid_input, of + ": bad taint");
  if (!amount(node.idle_watts) || !amount(node.busy_watts)) return fail(Code::invalid_input, of + ": watts are out of range");
  return {};
}

base::Result<void> check(const ShapeSpec& shape) {
  const std::string of = "task of tenant '" + shape.tenant.substr(0, 64) + "'";
  TRY(check_amounts(shape.resources, of));
  const model::AcceleratorAsk& ask = shape.accelerators;
  if (ask.devices > Limits::devices) return fail(Code::invalid_input, of + ": more than 16 accelerators");
  if (ask.thousandths == 0 || ask.thousandths > 1000)
    return fail(Code::invalid_input, of + ": share of an accelerator is out of range");
  if (ask.devices > 1 && ask.thousandths != 1000)
    return fail(Code::invalid_input, of + ": more than one accelerator only whole");
  if (shape.constraints.size() > Limits::constraints || shape.tolerations.size() > Limits::tolerations ||
      shape.sources.size() > Limits::sources)
    return fail(Code::invalid_input, of + ": too many constraints, tolerations or sources");
  for (const model::Constraint& constraint : shape.constraints) TRY(check_constraint(constraint));
  for (const std::string& taint : shape.tolerations)
    if (!short_name(taint)) return fail(Code::invalid_input, of + ": bad toleration");
  for (const Source& source : shape.sources)
    if (!short_name(source.site) || source.bytes < 0 || source.bytes > Limits::bytes)
      return fail(Code::invalid_input, of + ": bad source");
  if (!short_name(shape.near) || !short_name(shape.tenant) || !short_name(ask.model))
    return fail(Code::invalid_input, of + ": a name is too long");
  if (!amount(shape.latency_limit_ms) || !amount(shape.move_weight) || !amount(shape.energy_weight))
    return fail(Code::invalid_input, of + ": a limit or weight is out of range");
  if (shape.latency_limit_ms > 0 && shape.near.empty())
    return fail(Code::invalid_input, of + ": a latency limit needs a site");
  if (shape.priority < -1'000'000 || shape.priority > 1'000'000)
    return fail(Code::invalid_input, of + ": priority is out of range");
  if (shape.disconnect.after < base::Duration{}) return fail(Code::invalid_input, of + ": disconnect time is below zero");
  return {};
}

base::Result<void> check(const GroupSpec& group) {
  if (!short_name(group.spread)) return fail(Code::invalid_input, "group: the label to spread over is too long");
  if (group.apart.size() > Limits::apart) return fail(Code::invalid_input, "group: apart from too many others");
  return {};
}

}  // namespace selvedge::engine::placement
