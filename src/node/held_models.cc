#include "node/held_models.h"

#include "base/text.h"

namespace selvedge::node {

using base::Code;
using base::fail;
using base::Result;

namespace {

// What a reader gives, all of it; `damaged` if the disk no longer has what was verified.
struct Contents {
  std::shared_ptr<store::ArtifactReader> reader;
  std::uint64_t most = 0;                          // bytes
  bool damaged = false;                            // written by the loading thread, read once it is done

  Result<base::Bytes> read() {
    if (reader->plain_size() > most)
      return fail(Code::exhausted, "the package has " + base::size_text(reader->plain_size()) +
                                       ", and models may take " + base::size_text(most) + " (models.memory)");
    base::Bytes bytes;
    bytes.reserve(static_cast<std::size_t>(reader->plain_size()));
    base::Bytes chunk;
    for (std::uint64_t i = 0; i < reader->chunks(); ++i) {
      chunk.clear();
      const auto read = reader->read(i, chunk);
      if (!read) {
        damaged = read.error().code == Code::corrupt;
        return std::unexpected(base::Error(read.error()).while_doing("read chunk " + std::to_string(i)));
      }
      base::append(bytes, chunk);
    }
    return bytes;
  }
};

}  // namespace

HeldModels::HeldModels(os::Loop& loop, store::ArtifactStore& store, Check check, serving::Models& models)
    : state_(std::make_shared<State>(loop, store, std::move(check), models)) {}
HeldModels::~HeldModels() = default;

bool HeldModels::is_whole(std::string_view name, std::uint64_t version) const {
  const store::ArtifactEntry* entry = state_->store.find(name, version);
  return entry != nullptr && entry->whole;
}

std::uint64_t HeldModels::newest(std::string_view name) const {
  std::uint64_t newest = 0;
  for (const store::StoredArtifact& stored : state_->store.list())
    if (stored.entry.name == name && stored.entry.whole && stored.entry.kind == model_kind)
      newest = std::max(newest, stored.entry.version);
  return newest;
}

void HeldModels::load(const std::string& name, std::uint64_t version, Older older, Done done) {
  State& s = *state_;
  if (!is_whole(name, version))
    return s.loop.defer([done = std::move(done), name, version] {
      done(fail(Code::not_found, "version " + std::to_string(version) + " of " + name + " is not on this disk"));
    });
  s.store.document(name, version,
                   [weak = s.weak_from_this(), key = serving::ModelKey{name, version}, older,
                    done = std::move(done)](Result<std::string> document) {
                     const auto self = weak.lock();
                     if (!self) return;
                     if (!document) return done(std::unexpected(document.error()));
                     self->check_and_open(key, older, *document, done);
                   });
}

void HeldModels::State::check_and_open(const serving::ModelKey& key, Older older, const std::string& document, Done done) {
  engine::ArtifactAsk ask;
  ask.name = key.name;
  ask.version = key.version;
  ask.stayed = older == Older::stays;
  const auto trusted = check(document, ask);
  if (!trusted) return done(std::unexpected(trusted.error()));
  if (trusted->manifest.kind != model_kind)
    return done(fail(Code::invalid_input, "it is an artifact of kind " + base::printable(trusted->manifest.kind, 64) +
                                              ", not " + std::string(model_kind)));
  store.open(trusted->manifest.digest,
             [weak = weak_from_this(), key, done = std::move(done)](Result<std::unique_ptr<store::ArtifactReader>> opened) {
               const auto self = weak.lock();
               if (!self) return;
               if (!opened) return done(std::unexpected(opened.error()));
               self->read_and_load(key, std::move(*opened), done);
             });
}

void HeldModels::State::read_and_load(const serving::ModelKey& key, std::shared_ptr<store::ArtifactReader> reader,
                                      Done done) {
  const model::Sha256 digest = reader->manifest().digest;
  const bool sealed = reader->manifest().sealing.has_value();
  const auto contents = std::make_shared<Contents>(Contents{std::move(reader), models.config().memory});
  serving::LoadRequest request{.key = key, .package = [contents] { return contents->read(); }, .secret = sealed};
  models.load(std::move(request), [weak = weak_from_this(), contents, digest, done = std::move(done)](const Result<void>& loaded) {
    if (loaded) return done(digest);
    const auto self = weak.lock();
    if (self && contents->damaged) self->store.damaged(digest, [](const Result<void>&) {});
    done(std::unexpected(loaded.error()));
  });
}

}  // namespace selvedge::node
