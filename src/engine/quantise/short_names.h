// ShortNames: inner values and constants of a graph get names of few letters: converters make names of
// a hundred letters, and a quantised graph says each several times. What is seen from outside keeps its
// name. Constants are put in order of type and size, so that like stands beside like and packs smaller.

#pragma once

#include "engine/quantise/view.h"

namespace selvedge::engine::quantise {

// Of a graph without graphs inside attributes; others stay as they are.
void shorten_names(Graph& graph);

}  // namespace selvedge::engine::quantise
