// ModelFleet: models in the cloud and on nodes: which versions there are, who wishes which, what each
// node says came of it.
//
// A wish is features/models/desiredProperties/<name> in the node's twin; what the node says of it lies
// in features/models/properties/<name>. docs/spec/reconcile.md.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/api_client.h"

namespace selvedge::cli {

struct ModelVersion {
  std::string name;
  std::uint64_t version = 0, size = 0;
  std::string called, digest, pushed;
  bool sealed = false;
};

// Of one name, or of all with ""; by name, and the newest version first.
base::Result<std::vector<ModelVersion>> model_versions(ApiClient& api, const std::string& name);

// What a node wishes and says of one model.
struct NodeModel {
  std::string node, name;
  std::uint64_t wished = 0;                        // 0: it is not wished (any more)
  std::string reported;                            // compact JSON, to see a change; "": nothing
  std::string state, reason;
  std::uint64_t version = 0;                       // that serves
};

// Of all nodes of the fleet.
base::Result<std::vector<NodeModel>> models_on_nodes(ApiClient& api);

// Names of the nodes that patterns like "edge-1" and "hall-*" mean. Code::not_found: one of them means none.
base::Result<std::vector<std::string>> matching_nodes(ApiClient& api, const std::vector<std::string>& patterns);

struct ModelWish {
  std::string name;
  std::uint64_t version = 0;
  std::string digest;                              // hex
  std::optional<std::int64_t> priority;
};

// What came of a wish at a node.
struct WishOutcome {
  std::string node, state, reason;                 // "applied", "failed", or what it was when time was up
};

// Sets the wish in the twins of these nodes. With `patience` waits until each has applied it or said
// why not, or the time is up; without, says "wished".
base::Result<std::vector<WishOutcome>> wish_model(ApiClient& api, Session& session, const std::vector<std::string>& nodes,
                                                  const ModelWish& wish, std::optional<base::Duration> patience);

// Prints outcomes; the exit status: 0 if all is well, that of a conflict if a node refused, that of
// "unavailable" if one has not answered in time. `more` writes further members of the JSON.
int print_outcomes(Session& session, const ModelWish& wish, const std::vector<WishOutcome>& outcomes, std::string_view headline,
                   const std::function<void(base::JsonWriter&)>& more);

// --wait and --patience: how long to wait, if at all.
base::Result<std::optional<base::Duration>> patience_of(const Arguments& arguments);

}  // namespace selvedge::cli
