#include <algorithm>

#include "base/log.h"
#include "codec/artifact/documents.h"
#include "codec/artifact/envelope.h"
#include "crypto/crypto.h"
#include "store/artifact_store_state.h"

namespace selvedge::store {

using base::Code;
using base::Result;

namespace {

Result<std::string> read_document(os::Dir& dir, const model::Sha256& document) {
  const base::Bytes bytes = TRY(os::read_file(dir, artifact_file(document, "signed"),
                                              model::ArtifactLimits::document_bytes));
  if (crypto::sha256(bytes) != document)
    return base::fail(Code::corrupt, "a signed manifest is damaged on this disk");
  return std::string(base::as_text(bytes));
}

}  // namespace

Result<std::shared_ptr<const model::ArtifactManifest>> read_manifest(os::Dir& dir,
                                                                     const model::Sha256& document) {
  const std::string text = TRY(read_document(dir, document));
  const auto envelope = TRY(codec::artifact::decode_envelope(text));
  return std::make_shared<const model::ArtifactManifest>(
      TRY(codec::artifact::decode_manifest(base::as_text(envelope.payload))));
}

void ArtifactStore::document(std::string_view name, std::uint64_t version,
                             std::function<void(Result<std::string>)> done) {
  const ArtifactEntry* entry = state_->find(name, version);
  if (entry == nullptr)
    return state_->world.loop().defer([done = std::move(done)] {
      done(base::fail(Code::not_found, "the artifact is not here"));
    });
  const auto text = std::make_shared<Result<std::string>>();
  state_->world.loop().work(
      state_->lane(entry->digest),
      [text, dir = state_->dir, digest = entry->document] { *text = read_document(*dir, digest); },
      [text, done = std::move(done)] { done(std::move(*text)); });
}

void ArtifactStore::verify(std::string_view name, std::uint64_t version, Done done) {
  const ArtifactEntry* entry = state_->find(name, version);
  if (entry == nullptr || !entry->whole)
    return state_->world.loop().defer([done = std::move(done)] {
      done(base::fail(Code::not_found, "the artifact is not here"));
    });
  const auto outcome = std::make_shared<Result<void>>();
  state_->world.loop().work(
      state_->lane(entry->digest),
      [outcome, dir = state_->dir, document = entry->document] {
        const auto check = [&]() -> Result<void> {
          return verify_artifact(*dir, *TRY(read_manifest(*dir, document)));
        };
        *outcome = check();
      },
      [weak = state_->weak_from_this(), outcome, digest = entry->digest, done] {
        const auto self = weak.lock();
        if (!self) return;
        const bool bad = !*outcome && (outcome->error().code == Code::corrupt ||
                                       outcome->error().code == Code::not_found);
        if (!bad) return done(*outcome);
        self->note_damage(digest, [done, outcome](const Result<void>& noted) {
          done(noted ? base::fail(Code::corrupt, outcome->error().message) : noted);
        });
      });
}

void ArtifactStore::damaged(const model::Sha256& digest, Done done) {
  state_->note_damage(digest, std::move(done));
}

// The bytes stay as a source of chunks that are good, where there is room for both copies.
void ArtifactStore::State::note_damage(const model::Sha256& digest, Done done) {
  bool any = false;
  std::uint64_t size = 0;
  for (ArtifactEntry& e : index.entries) {
    if (e.digest != digest || !e.whole) continue;
    e.whole = false;
    any = true;
    size = e.size;
    base::log::warn("artifacts", "damaged on this disk", {{"name", e.name}, {"version", e.version}});
  }
  if (!any) return world.loop().defer([done = std::move(done)] { done({}); });
  ++damaged;
  const bool room = used() <= limits.budget_bytes && size <= limits.budget_bytes - used();
  save([weak = weak_from_this(), digest, room, done = std::move(done)](const Result<void>& saved) {
    const auto state = weak.lock();
    if (!state) return;
    if (!saved) return done(saved);
    const auto outcome = std::make_shared<Result<void>>();
    state->world.loop().work(
        state->lane(digest),
        [outcome, dir = state->dir, digest, room, keep_free = state->limits.keep_free_bytes] {
          const std::string blob = artifact_file(digest, "blob");
          const auto file = dir->open(blob, os::Open::existing);
          if (!file) return;
          const auto size_now = (*file)->size();
          const auto free = dir->free_bytes();
          const bool fits = room && size_now && free && *free >= keep_free && *free - keep_free >= *size_now;
          *outcome = fits ? dir->rename(blob, artifact_file(digest, "old")) : dir->remove(blob);
        },
        [outcome, done] { done(*outcome); });
  });
}

void ArtifactStore::open(const model::Sha256& digest,
                         std::function<void(Result<std::unique_ptr<ArtifactReader>>)> done) {
  const auto at = std::ranges::find_if(state_->index.entries, [&](const ArtifactEntry& e) {
    return e.digest == digest && e.whole;
  });
  if (at == state_->index.entries.end())
    return state_->world.loop().defer([done = std::move(done)] {
      done(base::fail(Code::not_found, "the artifact is not here"));
    });
  const auto reader = std::make_shared<Result<std::unique_ptr<ArtifactReader>>>();
  state_->world.loop().work(
      state_->lane(digest),
      [reader, dir = state_->dir, document = at->document, unwrap = state_->unwrap] {
        const auto make = [&]() -> Result<std::unique_ptr<ArtifactReader>> {
          const auto manifest = TRY(read_manifest(*dir, document));
          std::optional<crypto::AeadKey> key;
          if (manifest->sealing) {
            if (!unwrap) return base::fail(Code::denied, "this node has no key for sealed artifacts");
            key = TRY(unwrap(*manifest));
          }
          return ArtifactReader::open(*dir, manifest, key);
        };
        *reader = make();
      },
      [reader, done = std::move(done)] { done(std::move(*reader)); });
}

}  // namespace selvedge::store
