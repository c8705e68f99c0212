#include "engine/trust/trust.h"

#include "base/text.h"
#include "codec/artifact/documents.h"
#include "crypto/crypto.h"
#include "engine/trust/signers.h"

namespace selvedge::engine {
namespace {

using base::Code;
using base::fail;
using base::Result;
using codec::artifact::Envelope;

struct SignedKeys {
  Envelope envelope;
  model::KeysDocument document;
};

Result<Envelope> open(std::string_view json, std::string_view type, std::string_view step) {
  Envelope envelope = TRY(codec::artifact::decode_envelope(json));
  if (envelope.type != type)
    return fail(Code::denied, std::string(step) + ": it is signed as '" +
                                  base::printable(envelope.type) + "', which is something else");
  return envelope;
}

// Read and sound, and signed by its own root keys.
Result<SignedKeys> open_keys(std::string_view json) {
  SignedKeys keys{TRY(open(json, codec::artifact::keys_type, "take keys document")), {}};
  keys.document = TRY(codec::artifact::decode_keys(base::as_text(keys.envelope.payload)));
  TRY(check_keys(keys.document));
  TRY(require_signers(keys.envelope, keys.document, keys.document.root,
                      "take keys document " + std::to_string(keys.document.version) +
                          ": its own root keys"));
  return keys;
}

bool fits(const model::ArtifactTarget& target, const Place& place) {
  const auto is = [](const std::string& wanted, const std::string& here) {
    return wanted.empty() || wanted == here;
  };
  return is(target.arch, place.arch) && is(target.os, place.os) &&
         (target.device_type.empty() ||
          std::ranges::find(place.device_types, target.device_type) != place.device_types.end());
}

Result<void> check_ask(const model::ArtifactManifest& manifest, const ArtifactAsk& ask,
                       const std::string& step) {
  if (manifest.name != ask.name || (ask.version && *ask.version != manifest.version) ||
      (ask.digest && *ask.digest != manifest.digest))
    return fail(Code::denied, step + ": it is " + manifest.name + " " +
                                  std::to_string(manifest.version) + ", which was not asked for");
  if (manifest.size > ask.size_most)
    return fail(Code::exhausted, step + ": its " + base::size_text(manifest.size) +
                                     " are more than the " + base::size_text(ask.size_most) +
                                     " there is room for");
  return {};
}

const model::SignerRole* role_for(const model::KeysDocument& document, const std::string& kind) {
  auto at = document.artifacts.find(kind);
  if (at == document.artifacts.end()) at = document.artifacts.find("*");
  return at == document.artifacts.end() ? nullptr : &at->second;
}

}  // namespace

Result<Trust> Trust::begin(std::string_view keys_envelope) {
  SignedKeys keys = TRY(open_keys(keys_envelope));
  Trust trust;
  trust.envelope_ = keys_envelope;
  trust.document_ = std::move(keys.document);
  trust.floor_time_ = trust.document_.issued;
  trust.way_ = {crypto::sha256(keys.envelope.payload)};
  return trust;
}

Result<Trust::Followed> Trust::follow(std::string_view keys_envelope) {
  SignedKeys keys = TRY(open_keys(keys_envelope));
  model::KeysDocument& next = keys.document;
  const std::string step = "take keys document " + std::to_string(next.version);
  if (next.version == document_.version) {
    const auto held = TRY(codec::artifact::decode_envelope(envelope_));
    if (held.payload == keys.envelope.payload) return Followed::had_already;
    return fail(Code::denied, step + ": another one of this version is held already");
  }
  if (next.version < document_.version)
    return fail(Code::conflict, step + ": version " + std::to_string(document_.version) +
                                    " is held, and there is no way back");
  if (next.version != document_.version + 1)
    return fail(Code::conflict, step + ": version " + std::to_string(document_.version + 1) +
                                    " has to come first");
  TRY(require_signers(keys.envelope, document_, document_.root,
                      step + ": the root keys of version " + std::to_string(document_.version)));
  if (!std::ranges::includes(next.revoked, document_.revoked))
    return fail(Code::denied, step + ": a key that was revoked would count again");

  document_ = std::move(next);
  envelope_ = keys_envelope;
  saw_time(document_.issued);
  if (way_.size() == max_way) way_.erase(way_.begin());
  way_.push_back(crypto::sha256(keys.envelope.payload));
  // What only a revoked key vouched for may have been set to keep better versions out.
  std::erase_if(floors_, [&](const auto& entry) {
    const Floor& floor = entry.second;
    const auto sound = std::ranges::count_if(
        floor.signers, [&](const std::string& id) { return !document_.revoked.contains(id); });
    const model::SignerRole* role = role_for(document_, floor.kind);
    const auto needed = role == nullptr ? 1 : static_cast<std::ptrdiff_t>(role->threshold);
    return sound < static_cast<std::ptrdiff_t>(floor.signers.size()) && sound < needed;
  });
  return Followed::newer;
}

bool Trust::has_followed(std::string_view keys_envelope) const {
  const auto envelope = codec::artifact::decode_envelope(keys_envelope);
  return envelope && envelope->type == codec::artifact::keys_type &&
         std::ranges::find(way_, crypto::sha256(envelope->payload)) != way_.end();
}

Result<TrustedManifest> Trust::check(std::string_view manifest_envelope, const ArtifactAsk& ask,
                                     const Place& place, base::Time now) const {
  const std::string step = "take artifact " + base::printable(ask.name, 64);
  const base::Time moment = time(now);
  if (expired(now))
    return fail(Code::denied, step + ": keys document " + std::to_string(document_.version) +
                                  " expired at " + base::to_iso8601(document_.expires) + ", and it is " +
                                  base::to_iso8601(moment) + " here; a newer one has to come first");
  const Envelope envelope = TRY(base::while_doing(
      step, open(manifest_envelope, codec::artifact::manifest_type, "read manifest")));
  TrustedManifest trusted;
  trusted.manifest = TRY(
      base::while_doing(step, codec::artifact::decode_manifest(base::as_text(envelope.payload))));
  const model::ArtifactManifest& manifest = trusted.manifest;
  const model::SignerRole* role = role_for(document_, manifest.kind);
  if (role == nullptr)
    return fail(Code::denied, step + ": no key may sign artifacts of kind " + manifest.kind);
  const auto signers = TRY(require_signers(envelope, document_, *role, step));
  trusted.signers.assign(signers.begin(), signers.end());

  TRY(check_ask(manifest, ask, step));
  if (manifest.expires && moment >= *manifest.expires)
    return fail(Code::denied, step + ": it expired at " + base::to_iso8601(*manifest.expires) +
                                  ", and it is " + base::to_iso8601(moment) + " here");
  if (!manifest.targets.empty() &&
      std::ranges::none_of(manifest.targets, [&](const auto& t) { return fits(t, place); }))
    return fail(Code::denied, step + ": it is not for this machine (" + place.arch + ", " + place.os + ")");
  if (const auto floor = floors_.find(manifest.name); floor != floors_.end()) {
    if (manifest.version < floor->second.version && !ask.stayed)
      return fail(Code::denied, step + ": version " + std::to_string(floor->second.version) +
                                    " was taken before, and there is no way back to " +
                                    std::to_string(manifest.version));
    if (manifest.version == floor->second.version && manifest.digest != floor->second.digest)
      return fail(Code::denied, step + ": its version " + std::to_string(manifest.version) +
                                    " was taken before with other content");
  }
  return trusted;
}

Result<void> Trust::took(const TrustedManifest& trusted) {
  const model::ArtifactManifest& manifest = trusted.manifest;
  const auto at = floors_.find(manifest.name);
  if (at != floors_.end() && manifest.version < at->second.version) return {};
  if (at == floors_.end() && floors_.size() >= max_names)
    return fail(Code::exhausted, "remember artifact " + manifest.name + ": " +
                                     std::to_string(max_names) + " names are remembered already");
  floors_[manifest.name] = {.version = manifest.version,
                            .digest = manifest.digest,
                            .kind = manifest.kind,
                            .signers = trusted.signers};
  return {};
}

std::uint64_t Trust::newest(std::string_view name) const {
  const auto at = floors_.find(name);
  return at == floors_.end() ? 0 : at->second.version;
}

}  // namespace selvedge::engine
