// How anomalies ask the node's models: the window goes to a pool thread, the answer comes back on the loop.

#pragma once

#include "node/anomalies.h"
#include "serving/models.h"

namespace selvedge::node {

// `models` must outlive what is returned. A model's own threshold, where it has one, becomes that of the rule,
// so that a score from there on is an anomaly.
Anomalies::Ask asking(serving::Models& models);

}  // namespace selvedge::node
