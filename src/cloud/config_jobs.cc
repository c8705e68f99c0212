#include "cloud/config_jobs.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "engine/placement/rule.h"

namespace selvedge::cloud {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr double most_cores = 1e6;

// Thousandths of "2", "0.5"; "" is none.
Result<std::int64_t> parse_cores(const std::string& key, const std::string& text) {
  if (text.empty()) return 0;
  const auto cores = base::parse_double(text);
  if (!cores || !(*cores >= 0 && *cores <= most_cores))
    return fail(Code::invalid_input, key + ": '" + base::printable(text, 32) + "' is no number of cores");
  return std::llround(*cores * 1000);
}

}  // namespace

void bind_tenant(settings::Settings& s, TenantConfig& tenant) {
  s.bind("name", tenant.name, "Name of the tenant, as jobs say it.");
  s.bind("cpu", tenant.cpu, "Cores that its tasks may ask for in all, as \"2.5\"; empty: no bound.");
  s.bind("memory", tenant.memory, "Memory that its tasks may ask for in all; 0: no bound.");
  s.bind("tasks", tenant.tasks, "Tasks that it may have; 0: no bound.", 0, 1'000'000);
  s.bind("weight", tenant.weight, "What its share of the fleet is divided by when there is too little for all: of 2, it gets twice as much.", 1, 1'000);
}

Result<void> check_jobs(const CloudConfig& config) {
  if (!config.placement_rule.empty() && !engine::placement_rule(config.placement_rule)) {
    std::string known;
    for (std::size_t i = 0; i < engine::placement_rules; ++i)
      known += (i == 0 ? "" : ", ") + std::string(engine::name(static_cast<engine::PlacementRule>(i)));
    return fail(Code::invalid_input, "placement.rule: there is no rule '" + base::printable(config.placement_rule, 64) +
                                         "'; known are " + known);
  }
  TRY(parse_cores("placement.default-cpu", config.default_cpu));
  if (config.silence_margin < std::chrono::seconds(1))
    return fail(Code::invalid_input, "jobs.silence-margin: at least 1s, or clocks that differ let a task run twice");
  for (const TenantConfig& tenant : config.tenants) {
    if (tenant.name.empty() || tenant.name.size() > 64)
      return fail(Code::invalid_input, "tenant.name: is needed, and at most 64 bytes");
    if (std::ranges::count(config.tenants, tenant.name, &TenantConfig::name) > 1)
      return fail(Code::invalid_input, "tenant.name: '" + tenant.name + "' is there twice");
    TRY(parse_cores("cpu of tenant '" + tenant.name + "'", tenant.cpu));
  }
  return {};
}

JobsSettings CloudConfig::jobs_settings() const {
  JobsSettings made;
  if (const auto rule = engine::placement_rule(placement_rule)) made.places.rule = *rule;
  made.places.pick_rule = placement_rule.empty();
  made.nodes.resources = {parse_cores("", default_cpu).value_or(1000), static_cast<std::int64_t>(default_memory.bytes),
                          static_cast<std::int64_t>(default_disk.bytes)};
  made.limits.silence_margin = silence_margin;
  for (const TenantConfig& tenant : tenants)
    made.places.tenants[tenant.name] = {
        .weight = static_cast<double>(tenant.weight),
        .most = {parse_cores("", tenant.cpu).value_or(0), static_cast<std::int64_t>(tenant.memory.bytes), 0}, .tasks = tenant.tasks};
  return made;
}

}  // namespace selvedge::cloud
