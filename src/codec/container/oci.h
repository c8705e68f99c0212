// Oci: the documents of a container image: which manifest is for a machine, what its layers are, what it runs.
//
// What is taken: an image layout (oci-layout, index.json, blobs/sha256/...), as `podman save --format oci-archive`, `skopeo copy
// ... oci-archive:...` and `docker save` (since 25) write it. Bytes from anyone; everything is bounded. Pure.
//
// Source: OCI Image Format Specification 1.1 (image-layout, image-index, manifest, config).

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace selvedge::codec {

struct OciLimits {
  static constexpr std::size_t document_bytes = 4 << 20, manifests = 64, layers = 128, arguments = 256, variables = 256;
};

// Where its bytes are, and what they are.
struct OciBlob {
  std::string media_type;
  std::string digest;                              // SHA-256 in hex
  std::uint64_t size = 0;
  std::string member() const { return "blobs/sha256/" + digest; }
};

struct OciImage {
  OciBlob config;
  std::vector<OciBlob> layers;                     // the lowest first
};

struct OciConfig {
  std::vector<std::string> entrypoint, command;
  std::vector<std::string> environment;            // "NAME=value"
  std::string folder;                              // where it runs; "": nowhere in particular
  std::string architecture;
  friend bool operator==(const OciConfig&, const OciConfig&) = default;
};

// As uname(2) calls a machine -> as images do: "x86_64" -> "amd64".
std::string oci_architecture(std::string_view machine);

// The manifest for this machine, or an index in which it is (`is_index`).
struct OciChoice {
  OciBlob blob;
  bool is_index = false;
};
base::Result<OciChoice> choose_manifest(std::string_view index, std::string_view architecture);
base::Result<OciImage> read_manifest(std::string_view manifest);
base::Result<OciConfig> read_config(std::string_view config);

}  // namespace selvedge::codec
