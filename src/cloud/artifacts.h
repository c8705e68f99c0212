// Artifacts: the cloud's HTTP interface to artifacts: operators push, list and remove them, nodes and
// operators fetch them. docs/reference/http.md lists the paths, docs/spec/artifact_transfer.md says how
// bytes travel.
//
// A manifest is listed only when its signatures, its size and every chunk of its bytes were verified.
// At most `downloads` bodies are sent at a time; beyond it 503 asks to come later. Belongs to the loop
// thread.

#pragma once

#include <memory>

#include "base/metrics.h"
#include "cloud/artifact_catalog.h"
#include "cloud/artifact_keys.h"
#include "net/api/access.h"
#include "net/http/http.h"

namespace selvedge::cloud {

struct ArtifactAccess {
  net::api::Identify identify;
  net::api::Audit audit;
  net::api::AuditFirst audit_first;
};

class Artifacts {
 public:
  // In <state>/artifacts. Blocks.
  static base::Result<std::unique_ptr<Artifacts>> open(os::World& world, std::string_view state,
                                                       CatalogLimits limits, base::Registry& metrics);
  ~Artifacts();

  void add_routes(net::http::Server& server, ArtifactAccess access);

 private:
  struct State;
  explicit Artifacts(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace selvedge::cloud
