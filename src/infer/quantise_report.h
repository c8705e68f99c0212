// Report: what fell short of the limits. Pure.

#pragma once

#include "infer/quantise.h"

namespace selvedge::infer {

// Fills report.shortfalls.
void find_shortfalls(const QuantiseLimits& limits, QuantiseReport& report);

}  // namespace selvedge::infer
