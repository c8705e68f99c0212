// What a metrics page shows of a twin store, on node and cloud alike.

#pragma once

#include "base/metrics.h"
#include "store/twin_store.h"

namespace selvedge::things {

// `store` must outlive the registry's last page.
void add_twin_metrics(base::Registry& metrics, const store::TwinStore& store);

}  // namespace selvedge::things
