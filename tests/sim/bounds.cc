#include "bounds.h"

#include <algorithm>
#include <charconv>

#include "cloud/cloud.h"
#include "node/node.h"

namespace selvedge::sim {
namespace {

double metric(const base::Registry& metrics, std::string_view name) {
  const std::string page = metrics.text();
  const std::size_t line = page.find("\n" + std::string(name) + " ");
  double value = -1;
  if (line == std::string::npos) return value;
  const char* const at = page.data() + line + name.size() + 2;
  std::from_chars(at, page.data() + page.size(), value);
  return value;
}

void check(const std::string& who, std::string_view what, double is, double at_most,
           const Sight& sight) {
  if (is >= 0 && is <= at_most) return;
  sight.breaches.push_back(who + ": " + std::string(what) + " " + std::to_string(is) + " at " +
                           base::to_string(sight.at) + ", more than " + std::to_string(at_most));
}

void check(const std::string& who, std::string_view what, std::uint64_t is, std::uint64_t at_most,
           const Sight& sight) {
  check(who, what, static_cast<double>(is), static_cast<double>(at_most), sight);
}

}  // namespace

void look_at(const std::string& name, node::Node& node, const store::StoreLimits& limits,
             std::size_t devices, const Sight& sight) {
  const store::StoreStats stats = node.store().stats();
  sight.peaks.memory = std::max(sight.peaks.memory, stats.memory_bytes);
  sight.peaks.journal = std::max(sight.peaks.journal, stats.journal.bytes);
  const std::uint64_t segment = limits.segment_bytes;
  check(name, "bytes in memory", stats.memory_bytes, limits.memory_bytes + 2 * segment, sight);
  check(name, "journal bytes", stats.journal.bytes, limits.journal_bytes + segment, sight);
  check(name, "block bytes", stats.blocks.bytes, limits.block_bytes + segment, sight);
  check(name, "MQTT sessions", metric(node.metrics(), "selvedge_mqtt_sessions"),
        static_cast<double>(devices), sight);
  check(name, "queued bytes", metric(node.metrics(), "selvedge_mqtt_queued_bytes"), 0.0, sight);
}

void look_at(cloud::Cloud& cloud, const cloud::CloudConfig& config, const Sight& sight) {
  const double waiting = metric(cloud.metrics(), "selvedge_cloud_waiting_bytes");
  sight.peaks.waiting =
      std::max(sight.peaks.waiting, static_cast<std::uint64_t>(std::max(waiting, 0.0)));
  check("cloud", "bytes to be committed", waiting,
        static_cast<double>(config.receive_buffer.bytes + config.commit_bytes.bytes), sight);
}

}  // namespace selvedge::sim
