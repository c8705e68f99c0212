// TwinHistory: what devices report in their twins becomes readings in series
// "twin/<device>/<feature>/<property>", so that it travels and is kept as blocks like any other.
//
// Numbers, truths and texts as they are, arrays as JSON text; a removal is no reading. What comes from
// telemetry has its series already. A value of another kind than its series holds is counted and left
// out. Belongs to the loop thread.

#pragma once

#include <functional>
#include <string>

#include "base/metrics.h"
#include "node/ingest.h"
#include "os/world.h"
#include "store/twin_store.h"

namespace selvedge::node {

class TwinHistory {
 public:
  struct Host {
    std::function<std::string()> node;
    std::function<bool()> is_telemetry;      // the change under way comes from readings
    std::function<void()> plan_commit;
  };
  TwinHistory(os::World& world, store::TwinStore& twins, Ingest& ingest, base::Registry& metrics,
              Host host);
  ~TwinHistory();
  TwinHistory(const TwinHistory&) = delete;
  TwinHistory& operator=(const TwinHistory&) = delete;

 private:
  void changed(const store::TwinEvent& event);

  os::World& world_;
  store::TwinStore& twins_;
  Ingest& ingest_;
  Host host_;
  store::TwinStore::WatchId watch_;
  base::Counter& recorded_;
  base::Counter& left_out_;
};

}  // namespace selvedge::node
