#include "things/twin_metrics.h"

namespace selvedge::things {

void add_twin_metrics(base::Registry& metrics, const store::TwinStore& store) {
  using Stats = store::TwinStore::Stats;
  const auto gauge = [&](const char* name, const char* help, std::uint64_t Stats::* which) {
    metrics.gauge_from(name, help, [&store, which] { return static_cast<double>(store.stats().*which); });
  };
  gauge("selvedge_twins", "Twins.", &Stats::twins);
  gauge("selvedge_twin_memory_bytes", "Memory of all twins.", &Stats::memory_bytes);
  gauge("selvedge_twin_log_bytes", "Log of changes on disk.", &Stats::log_bytes);
  gauge("selvedge_twins_unsent", "Twins with changes the other side has not acknowledged.",
        &Stats::unsent);
}

}  // namespace selvedge::things
