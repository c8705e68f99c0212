// Names of an artifact's files. They are made of its digest, never of what a manifest says.
//
//   <digest>.part    its bytes while they come in: whole, verified chunks and perhaps a tail
//   <digest>.blob    all of its bytes
//   <digest>.old     bytes that were found damaged; what is good of them is copied from here
//   <digest>.signed  the signed manifest as it came, named by its own digest

#pragma once

#include <string>
#include <string_view>

#include "base/text.h"
#include "model/artifact.h"

namespace selvedge::store {

inline std::string artifact_file(const model::Sha256& digest, std::string_view what) {
  return base::to_hex(digest) + "." + std::string(what);
}

}  // namespace selvedge::store
