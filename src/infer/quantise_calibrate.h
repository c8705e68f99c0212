// Calibrate: a float network is run over samples, and what its values were is kept as statistics.

#pragma once

#include <vector>

#include "engine/quantise/plan.h"
#include "engine/quantise/statistics.h"
#include "infer/quantise.h"
#include "infer/quantise_samples.h"

namespace selvedge::infer {

using SeenValues = std::vector<engine::quantise::Statistics>;   // of plan.taps

enum class Histograms : std::uint8_t { no, yes };

// Runs the samples once, and with histograms once more.
base::Result<SeenValues> calibrate(Runtime& runtime, const codec::onnx::Graph& prepared,
                                   const engine::quantise::Plan& plan, const Samples& samples, Histograms histograms,
                                   const QuantiseOptions& options);

}  // namespace selvedge::infer
