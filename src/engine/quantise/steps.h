// Steps: what prepare() (prepare.h) does one after the other. Each leaves a graph that means the same.

#pragma once

#include "engine/quantise/view.h"

namespace selvedge::engine::quantise {

// Operator sets 11 and 12 become 13, which has scales by channel.
base::Result<void> raise_opset(Graph& graph);

// Values that follow from constants alone become constants; nodes that do nothing go.
base::Result<void> fold_constants(Graph& graph);

// What scales and moves each channel after a convolution goes into its weights: BatchNormalization, and
// Mul and Add by constants. Pads of zeros before a convolution go into it.
base::Result<void> fold_convolutions(Graph& graph);

// Forms for which the runtime has no 8-bit kernel become forms that have one: ReduceMean over rows and
// columns becomes GlobalAveragePool, HardSwish a product.
void use_known_forms(Graph& graph);

// Nodes and constants that nobody takes go.
void drop_unused(Graph& graph);

// Takes the marked nodes out.
void drop_nodes(Graph& graph, const std::vector<bool>& gone);

}  // namespace selvedge::engine::quantise
