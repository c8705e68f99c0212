// Prepare: a network in the form that quantise() works on: same inputs and outputs, same results but
// for rounding, fewer nodes.
//
// Code::invalid_input for a network that is quantised already, that computes in float16, or whose
// operator set is older than 11; the message says which node, and what to do. Only for a graph that the
// model runtime has loaded: inputs and attributes of nodes are taken to be as their operators have them.
// Pure; any thread.

#pragma once

#include "engine/quantise/view.h"

namespace selvedge::engine::quantise {

base::Result<Graph> prepare(Graph graph);

}  // namespace selvedge::engine::quantise
