// ModelGuess: the description of a model that came without one: from the shapes, types and names of
// its inputs and outputs, and the models that are known to have them.
//
// A guess is said aloud, line by line, so that somebody can disagree. What is not recognised is
// Task::tensors: numbers in, numbers out, which is right for any model.

#pragma once

#include <string>
#include <vector>

#include "codec/onnx/graph.h"
#include "infer/model_package.h"

namespace selvedge::cli {

struct Guess {
  infer::Description description;
  std::vector<std::string> notes;                  // what was taken for what, and why
};

// `name` becomes the description's, made fit for an artifact. `labels` may be empty.
Guess guess_description(const codec::onnx::Graph& graph, std::string_view name, std::vector<std::string> labels);

// How many anchors a rule gives for a picture of that size.
std::size_t anchors_of(const engine::AnchorRule& rule, int width, int height);

// A name that an artifact may have: letters, digits, '.', '_' and '-' stay, the rest becomes '-'.
std::string artifact_name(std::string_view from);

}  // namespace selvedge::cli
