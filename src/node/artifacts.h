// Artifacts: what a node needs to hold artifacts: the store, whom it trusts, the fetcher, and the HTTP
// interface that shows them. Belongs to the loop thread.

#pragma once

#include <memory>

#include "base/metrics.h"
#include "net/api/access.h"
#include "net/http/http.h"
#include "node/fetcher.h"
#include "node/trust_store.h"
#include "store/artifact_store.h"

namespace selvedge::node {

struct ArtifactsConfig {
  std::string state;                           // of the node; artifacts lie in <state>/artifacts
  store::ArtifactStoreLimits limits;
  engine::FetchLimits fetch;
  TrustStoreConfig trust;
};

class Artifacts {
 public:
  static base::Result<std::unique_ptr<Artifacts>> open(os::World& world, ArtifactsConfig config,
                                                       base::Registry& metrics);

  // Once the node has joined; `name` is the one that contents are sealed for.
  void joined(std::string name, std::string cloud_url, std::shared_ptr<os::Tls> tls);
  // GET /api/v1/artifacts; PUT .../NAME/VERSION and DELETE .../NAME: held and released by hand.
  void add_routes(net::http::Server& server, net::api::Identify identify, net::api::Audit audit);

  store::ArtifactStore& store() { return *store_; }
  TrustStore& trust() { return *trust_; }
  Fetcher& fetcher() { return *fetcher_; }

 private:
  Artifacts() = default;
  void list(const net::http::Respond& respond) const;
  void hold(const net::http::Request& request, const net::http::Respond& respond);

  std::unique_ptr<TrustStore> trust_;
  std::unique_ptr<store::ArtifactStore> store_;
  std::unique_ptr<Fetcher> fetcher_;
};

}  // namespace selvedge::node
