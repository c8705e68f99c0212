// Own topics: with devices.own-topics-only a device publishes and subscribes in its own subtree of
// topics and nowhere else. Which that is says devices.topics: "{device}/#", "site/{device}/#".

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/session/broker.h"

namespace selvedge::node {

// Each holds {device} as a whole level and no wildcard but a last "/#". Code::invalid_input if not.
base::Result<void> check_own_topics(const std::vector<std::string>& templates);

// `access` and, for topics that do not begin with '$', one of `templates`. `access` decides on those
// that do: they are the node's own services, which keep devices apart by themselves.
engine::Access with_own_topics(engine::Access access, std::vector<std::string> templates);

}  // namespace selvedge::node
