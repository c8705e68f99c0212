// ArtifactPush: a signed artifact on its way to the cloud, piece by piece, resumed where an earlier push
// ended. A link that breaks is tried again some times; said again, a push goes on from there.

#pragma once

#include <string>

#include "cli/api_client.h"
#include "model/artifact.h"

namespace selvedge::cli {

struct Pushed {
  model::ArtifactManifest manifest;
  std::uint64_t begun_at = 0, sent = 0;            // bytes the cloud had; that travelled
};

// What a signed manifest says.
base::Result<model::ArtifactManifest> manifest_of(const std::string& document);

// `document`: the signed manifest. Code::conflict if the file is not what it says.
base::Result<Pushed> push_artifact(ApiClient& api, Session& session, const std::string& path,
                                   const std::string& document);
// The manifest alone, of bytes that the cloud has.
base::Result<void> push_manifest(ApiClient& api, const model::ArtifactManifest& manifest, const std::string& document);

}  // namespace selvedge::cli
