// Documents: manifests and keys documents as JSON, the payloads of envelopes.
//
// Decoding checks every rule that a document can be held against by itself (names, ranges, that the
// chunks add up to the size), so that whoever holds the value need not. It trusts no declared size.
// Layout and bounds: docs/spec/artifact.md, docs/spec/trust.md. Members that are not known are
// skipped. Pure; any thread.

#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/artifact.h"
#include "model/keys_document.h"

namespace selvedge::codec::artifact {

// A version is at most this, so that every reader of JSON has an integer for it.
inline constexpr std::uint64_t max_version = (std::uint64_t{1} << 53) - 1;
inline constexpr std::size_t max_sealed_for = 1024;       // nodes an artifact is sealed for
inline constexpr std::size_t max_attribute_bytes = 4096;

// 1 to 64 of [A-Za-z0-9._-], no leading '.' or '-': safe as a file name and in a URL.
bool is_artifact_name(std::string_view name);

// Code::invalid_input: which rule the manifest breaks. encode() is for what passes.
base::Result<void> check(const model::ArtifactManifest& manifest);
std::string encode(const model::ArtifactManifest& manifest);
base::Result<model::ArtifactManifest> decode_manifest(std::string_view json);

base::Result<void> check(const model::KeysDocument& document);
std::string encode(const model::KeysDocument& document);
base::Result<model::KeysDocument> decode_keys(std::string_view json);

}  // namespace selvedge::codec::artifact
