// Rank: the scores of a classification model as its best classes.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/vision/found.h"
#include "engine/vision/rules.h"

namespace selvedge::engine {

// The activation of all `values` in place. Softmax of what is not finite is all zero.
void activate(Activation activation, std::span<float> values);

// At most rule.most classes of at least rule.threshold, best first, equal ones in the model's order.
// NaN never comes.
std::vector<Ranked> rank(const RankRule& rule, std::span<const float> scores, const std::vector<std::string>& labels);

}  // namespace selvedge::engine
