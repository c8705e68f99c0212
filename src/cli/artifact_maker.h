// ArtifactMaker: a file read once, chunk by chunk: digests for its manifest, and its sealed form if it
// is sealed. Memory is one chunk.

#pragma once

#include <map>
#include <string>

#include "cli/out.h"
#include "crypto/seal.h"
#include "model/artifact.h"

namespace selvedge::cli {

// Fills size, digest and chunks of `manifest` (whose chunk_bytes is set) from the file.
base::Result<void> measure_file(const std::string& path, model::ArtifactManifest& manifest, Out& out);

// Writes the file sealed for `recipients` (by node name) to `sealed_path` and fills `manifest`, whose
// name and version are set, from that.
base::Result<void> seal_file(const std::string& path, const std::string& sealed_path,
                             const std::map<std::string, crypto::SealKey>& recipients,
                             model::ArtifactManifest& manifest, Out& out);

// The file is the one of the manifest. Code::corrupt: which chunk is not.
base::Result<void> compare_file(const std::string& path, const model::ArtifactManifest& manifest, Out& out);

}  // namespace selvedge::cli
