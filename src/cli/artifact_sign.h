// ArtifactSign: a file described and signed, as `selvedge artifact sign` does, for other commands.

#pragma once

#include <string>

#include "cli/command.h"
#include "cli/keyring.h"
#include "codec/artifact/envelope.h"
#include "model/artifact.h"

namespace selvedge::cli {

struct SignatureCount {
  std::size_t made = 0, missing = 0;               // until its kind has as many as it needs
};

struct SignedArtifact {
  model::ArtifactManifest manifest;
  std::string document;                            // the signed manifest
  std::string file, manifest_file;                 // what travels: the sealed file if it was sealed
  SignatureCount signatures;
};

// Takes the flags of `selvedge artifact sign`, and the file as the first positional.
base::Result<SignedArtifact> sign_artifact(const Arguments& arguments, Session& session);

// Puts the manifest into `envelope` if it is empty, and adds a signature by each key of the ring that
// may sign its kind; says how many there are then. Code::denied if none of them may.
base::Result<SignatureCount> sign_manifest(const Keyring& ring, const model::ArtifactManifest& manifest,
                                           codec::artifact::Envelope& envelope);

}  // namespace selvedge::cli
