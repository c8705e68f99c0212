#include <algorithm>

#include "base/log.h"
#include "codec/artifact/documents.h"
#include "crypto/crypto.h"
#include "store/artifact_store_state.h"

namespace selvedge::store {

using base::Code;
using base::Result;

namespace {

constexpr std::size_t kin_most = 16;

}  // namespace

void ArtifactStore::begin(Manifest manifest, std::string document, Pin pin,
                          std::function<void(Result<ArtifactBegun>)> done) {
  State::Begin what{std::move(manifest), std::move(document), pin, std::move(done)};
  if (const auto may = state_->may_begin(what); !may)
    return state_->world.loop().defer(
        [done = what.done, error = may.error()] { done(std::unexpected(error)); });
  state_->writing.insert(what.manifest->digest);
  const auto free = std::make_shared<Result<std::uint64_t>>();
  const std::uint32_t lane = state_->lane(what.manifest->digest);
  state_->world.loop().work(
      lane, [free, dir = state_->dir] { *free = dir->free_bytes(); },
      [weak = state_->weak_from_this(), free, what = std::move(what)]() mutable {
        const auto self = weak.lock();
        if (!self) return;
        if (*free) return self->make_room(std::move(what), **free);
        self->writing.erase(what.manifest->digest);
        what.done(std::unexpected(free->error()));
      });
}

Result<void> ArtifactStore::State::may_begin(const Begin& what) const {
  const model::ArtifactManifest& m = *what.manifest;
  TRY(codec::artifact::check(m));
  const std::string which = m.name + " " + std::to_string(m.version);
  const auto newest = index.newest.find(m.name);
  if (newest != index.newest.end() && m.version < newest->second)
    return base::fail(Code::denied, which + " is older than version " +
                                        std::to_string(newest->second) + ", which was here");
  if (writing.contains(m.digest)) return base::fail(Code::conflict, which + " is being fetched already");
  for (const ArtifactEntry& e : index.entries) {
    if (e.name == m.name && e.version == m.version && e.digest != m.digest)
      return base::fail(Code::conflict, which + " is here with other bytes");
    if (e.digest == m.digest && e.size != m.size)
      return base::fail(Code::corrupt, which + " has the digest, but not the size, of " + e.name);
  }
  if (newest == index.newest.end() && index.newest.size() >= ArtifactIndex::max_names)
    return base::fail(Code::exhausted, "too many names of artifacts are remembered");
  return {};
}

// Which artifacts must go for this one, the one wished for longest ago first.
Result<std::vector<ArtifactStore::State::Key>> ArtifactStore::State::victims(
    const Begin& what, std::uint64_t free) const {
  const model::ArtifactManifest& m = *what.manifest;
  const bool shared = std::ranges::any_of(index.entries,
                                          [&](const auto& e) { return e.digest == m.digest; });
  const bool listed = std::ranges::any_of(
      index.entries, [&](const auto& e) { return e.name == m.name && e.version == m.version; });
  const std::uint64_t need = (shared ? 0 : m.size) + (listed ? 0 : what.document.size());
  std::uint64_t taken = used(), count = index.entries.size();
  std::vector<const ArtifactEntry*> candidates;
  for (const ArtifactEntry& e : index.entries)
    if (!e.pinned && !held.contains({e.name, e.version}) && !writing.contains(e.digest) &&
        !has_other(e))
      candidates.push_back(&e);
  std::ranges::sort(candidates, {}, [](const ArtifactEntry* e) { return e->wish; });
  std::vector<Key> out;
  const auto fits = [&] {
    return need <= limits.budget_bytes && taken <= limits.budget_bytes - need &&
           free >= limits.keep_free_bytes && free - limits.keep_free_bytes >= need &&
           (listed || count < ArtifactIndex::max_entries);
  };
  for (const ArtifactEntry* e : candidates) {
    if (fits()) break;
    taken -= e->charge();
    if (e->whole) free += e->size;
    --count;
    out.emplace_back(e->name, e->version);
  }
  if (fits()) return out;
  return base::fail(
      Code::exhausted,
      m.name + " needs " + base::size_text(need) + "; " + base::size_text(taken) + " of the budget of " +
          base::size_text(limits.budget_bytes) + " are held or pinned, and the disk has " +
          base::size_text(free) + " free, of which " + base::size_text(limits.keep_free_bytes) +
          " stay free");
}

void ArtifactStore::State::make_room(Begin what, std::uint64_t free) {
  auto found = victims(what, free);
  if (!found) {
    writing.erase(what.manifest->digest);
    return what.done(std::unexpected(found.error()));
  }
  std::vector<std::string> gone;
  for (const Key& key : *found) {
    const auto files = files_of(*find(key.first, key.second));
    gone.insert(gone.end(), files.begin(), files.end());
    base::log::info("artifacts", "evicted", {{"name", key.first}, {"version", key.second}});
    forget(key);
    ++evicted;
  }
  const model::ArtifactManifest& m = *what.manifest;
  ArtifactEntry* entry = find(m.name, m.version);
  if (entry == nullptr) entry = &index.entries.emplace_back();
  entry->name = m.name;
  entry->version = m.version;
  entry->version_text = m.version_text;
  entry->kind = m.kind;
  entry->digest = m.digest;
  entry->document = crypto::sha256(base::as_bytes(what.document));
  entry->document_bytes = what.document.size();
  entry->size = m.size;
  entry->sealed = m.sealing.has_value();
  entry->pinned = what.pin == Pin::yes;
  touch(*entry);
  held.emplace(m.name, m.version);
  prepare(std::move(what), std::move(gone));
}

// Artifacts that may have chunks of this one: earlier bytes of its name first.
std::vector<ArtifactEntry> ArtifactStore::State::kin(const Begin& what) const {
  std::vector<ArtifactEntry> all;
  for (const ArtifactEntry& e : index.entries)
    if (e.whole && e.digest != what.manifest->digest) all.push_back(e);
  std::ranges::sort(all, [&](const ArtifactEntry& a, const ArtifactEntry& b) {
    return std::tuple(a.name != what.manifest->name, ~a.wish) <
           std::tuple(b.name != what.manifest->name, ~b.wish);
  });
  if (all.size() > kin_most) all.resize(kin_most);
  return all;
}

void ArtifactStore::State::prepare(Begin what, std::vector<std::string> gone) {
  struct Work {
    Result<void> ready;
    std::shared_ptr<ArtifactWriter> writer;
    ChunkSources sources;
  };
  const auto work = std::make_shared<Work>();
  const auto with = std::make_shared<const Begin>(std::move(what));
  const auto job = [work, with, gone = std::move(gone), relatives = kin(*with), where = dir,
                    keep_free = limits.keep_free_bytes] {
    const auto open = [&]() -> Result<void> {
      for (const auto& file : gone)
        base::ignore(where->remove(file), "the next start removes what is in no index");
      const Manifest& manifest = with->manifest;
      const auto document = crypto::sha256(base::as_bytes(with->document));
      TRY(os::write_file(*where, artifact_file(document, "signed"), base::as_bytes(with->document)));
      if (where->open(artifact_file(manifest->digest, "blob"), os::Open::existing)) return {};
      work->writer = TRY(ArtifactWriter::open(where, manifest, keep_free));
      const auto first = static_cast<std::uint32_t>(work->writer->have() / manifest->chunk_bytes);
      const std::string old = artifact_file(manifest->digest, "old");
      if (where->open(old, os::Open::existing)) find_chunks(*manifest, first, *manifest, old, work->sources);
      for (const ArtifactEntry& e : relatives)
        if (const auto there = read_manifest(*where, e.document); there)
          find_chunks(*manifest, first, **there, artifact_file(e.digest, "blob"), work->sources);
      return {};
    };
    work->ready = open();
  };
  const auto finish = [weak = weak_from_this(), work, with] {
    const auto self = weak.lock();
    if (!self) return;
    if (!work->ready) {
      self->writing.erase(with->manifest->digest);
      self->forget({with->manifest->name, with->manifest->version});
      self->save({});
      return with->done(std::unexpected(work->ready.error()));
    }
    if (!work->writer) self->became_whole(with->manifest->digest);
    self->save([weak, work, with](const Result<void>& saved) {
      const auto again = weak.lock();
      if (!again) return;
      if (!saved || !work->writer) again->writing.erase(with->manifest->digest);
      if (!saved) return with->done(std::unexpected(saved.error()));
      with->done(ArtifactBegun{work->writer,
                               std::make_shared<const ChunkSources>(std::move(work->sources))});
    });
  };
  world.loop().work(lane(with->manifest->digest), job, finish);
}

void ArtifactStore::State::became_whole(const model::Sha256& digest) {
  for (ArtifactEntry& e : index.entries) {
    if (e.digest != digest) continue;
    e.whole = true;
    std::uint64_t& newest = index.newest[e.name];
    newest = std::max(newest, e.version);
  }
}

void ArtifactStore::run(const std::shared_ptr<ArtifactWriter>& writer,
                        std::function<void(ArtifactWriter&)> job, std::function<void()> done) {
  state_->world.loop().work(
      state_->lane(writer->manifest()->digest), [writer, job = std::move(job)] { job(*writer); },
      std::move(done));
}

void ArtifactStore::publish(std::shared_ptr<ArtifactWriter> writer, Done done) {
  const auto outcome = std::make_shared<Result<void>>();
  const Manifest manifest = writer->manifest();
  state_->world.loop().work(
      state_->lane(manifest->digest),
      [outcome, writer, dir = state_->dir] {
        *outcome = writer->finish();
        if (*outcome)
          base::ignore(dir->remove(artifact_file(writer->manifest()->digest, "old")),
                       "there rarely is one");
      },
      [weak = state_->weak_from_this(), outcome, manifest, done = std::move(done)] {
        const auto self = weak.lock();
        if (!self) return;
        self->writing.erase(manifest->digest);
        if (!*outcome) return done(*outcome);
        self->became_whole(manifest->digest);
        self->save(done);
      });
}

void ArtifactStore::end(const std::shared_ptr<ArtifactWriter>& writer) {
  state_->writing.erase(writer->manifest()->digest);
}

}  // namespace selvedge::store
