#include "codec/container/oci.h"

#include <algorithm>

#include "base/text.h"
#include "codec/json/value.h"

namespace selvedge::codec {

using base::Code;
using base::fail;
using base::Result;
using json::Value;

namespace {

constexpr std::string_view sha256 = "sha256:";
constexpr std::uint64_t most_blob = std::uint64_t{1} << 40;

Result<OciBlob> read_blob(const Value& value, const std::string& what) {
  OciBlob blob;
  blob.media_type = value["mediaType"].text();
  const std::string digest = value["digest"].text();
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (!digest.starts_with(sha256) || digest.size() != sha256.size() + 64 || !std::ranges::all_of(digest.substr(sha256.size()), is_hex))
    return fail(Code::invalid_input, what + " has no digest of SHA-256");
  blob.digest = digest.substr(sha256.size());
  const std::int64_t size = value["size"].integer();
  if (!value["size"].is_integer() || size < 0 || static_cast<std::uint64_t>(size) > most_blob)
    return fail(Code::invalid_input, what + " has no size");
  blob.size = static_cast<std::uint64_t>(size);
  return blob;
}

Result<Value> read_object(std::string_view text, const std::string& what) {
  auto value = json::parse(text, OciLimits::document_bytes);
  if (!value) return fail(Code::invalid_input, what + ": " + value.error().message);
  if (!value->is_object()) return fail(Code::invalid_input, what + " is no object");
  return std::move(*value);
}

Result<std::vector<std::string>> read_texts(const Value& value, const std::string& what, std::size_t most) {
  std::vector<std::string> all;
  if (value.is_null()) return all;
  if (!value.is_array() || value.array().size() > most)
    return fail(Code::invalid_input, what + " is no list of at most " + std::to_string(most) + " texts");
  for (const Value& one : value.array()) {
    all.push_back(one.text());
    if (all.back().contains('\0')) return fail(Code::invalid_input, what + " has a zero byte");
  }
  return all;
}

bool is_index_type(std::string_view type) {
  return type == "application/vnd.oci.image.index.v1+json" || type == "application/vnd.docker.distribution.manifest.list.v2+json";
}

}  // namespace

std::string oci_architecture(std::string_view machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine.starts_with("armv")) return "arm";
  if (machine == "i686" || machine == "i386") return "386";
  return std::string(machine);
}

Result<OciChoice> choose_manifest(std::string_view index, std::string_view architecture) {
  const Value value = TRY(read_object(index, "the image's index"));
  const auto& all = value["manifests"].array();
  if (all.empty() || all.size() > OciLimits::manifests)
    return fail(Code::invalid_input, "the image's index has " + std::to_string(all.size()) + " manifests, not 1 to " + std::to_string(OciLimits::manifests));
  std::string others;
  const Value* chosen = nullptr;
  for (const Value& one : all) {
    const std::string its = one["platform"]["architecture"].text(), os = one["platform"]["os"].text();
    // One that does not say is taken if there is no other to choose.
    const bool fits = its.empty() ? all.size() == 1 : its == architecture && (os.empty() || os == "linux");
    if (fits && chosen == nullptr) chosen = &one;
    if (!its.empty()) others += (others.empty() ? "" : ", ") + base::printable(os + "/" + its, 60);
  }
  if (chosen == nullptr)
    return fail(Code::invalid_input, "the image is not for linux/" + std::string(architecture) + (others.empty() ? "" : ", but for " + others));
  OciChoice choice;
  choice.blob = TRY(read_blob(*chosen, "a manifest of the image"));
  choice.is_index = is_index_type(choice.blob.media_type);
  return choice;
}

Result<OciImage> read_manifest(std::string_view manifest) {
  const Value value = TRY(read_object(manifest, "the image's manifest"));
  OciImage image;
  image.config = TRY(read_blob(value["config"], "the image's config"));
  const auto& layers = value["layers"].array();
  if (layers.size() > OciLimits::layers)
    return fail(Code::invalid_input, "the image has more than " + std::to_string(OciLimits::layers) + " layers");
  for (const Value& one : layers) image.layers.push_back(TRY(read_blob(one, "a layer of the image")));
  return image;
}

Result<OciConfig> read_config(std::string_view config) {
  const Value value = TRY(read_object(config, "the image's config"));
  const Value& its = value["config"];
  OciConfig read;
  read.entrypoint = TRY(read_texts(its["Entrypoint"], "the image's Entrypoint", OciLimits::arguments));
  read.command = TRY(read_texts(its["Cmd"], "the image's Cmd", OciLimits::arguments));
  for (std::string& variable : TRY(read_texts(its["Env"], "the image's Env", OciLimits::variables)))
    if (variable.find('=') != std::string::npos && !variable.starts_with('=')) read.environment.push_back(std::move(variable));
  read.folder = its["WorkingDir"].text();
  if (read.folder.contains('\0') || (!read.folder.empty() && !read.folder.starts_with('/')))
    return fail(Code::invalid_input, "the image's WorkingDir is not absolute");
  read.architecture = value["architecture"].text();
  return read;
}

}  // namespace selvedge::codec
