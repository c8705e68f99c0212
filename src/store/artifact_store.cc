#include "store/artifact_store.h"

#include <algorithm>

#include "base/log.h"
#include "store/artifact_store_state.h"

namespace selvedge::store {

using base::Code;
using base::Result;

namespace {

constexpr std::uint32_t index_lane = 15;

}  // namespace

ArtifactStore::ArtifactStore(std::shared_ptr<State> state) : state_(std::move(state)) {}
ArtifactStore::~ArtifactStore() = default;

ArtifactEntry* ArtifactStore::State::find(std::string_view name, std::uint64_t version) {
  const auto at = std::ranges::find_if(
      index.entries, [&](const auto& e) { return e.name == name && e.version == version; });
  return at == index.entries.end() ? nullptr : &*at;
}

bool ArtifactStore::State::has_other(const ArtifactEntry& entry) const {
  return std::ranges::any_of(index.entries, [&](const auto& e) {
    return &e != &entry && e.digest == entry.digest;
  });
}

// Bytes that several artifacts share count once.
std::uint64_t ArtifactStore::State::used() const {
  std::uint64_t sum = 0;
  std::set<model::Sha256> seen;
  for (const ArtifactEntry& e : index.entries) {
    sum += e.document_bytes;
    if (seen.insert(e.digest).second) sum += e.size;
  }
  return sum;
}

void ArtifactStore::State::touch(ArtifactEntry& entry) {
  entry.wish = ++index.last_wish;
  entry.wished = world.loop().wall_now();
}

void ArtifactStore::State::forget(const Key& key) {
  held.erase(key);
  std::erase_if(index.entries,
                [&](const auto& e) { return e.name == key.first && e.version == key.second; });
}

std::vector<std::string> ArtifactStore::State::files_of(const ArtifactEntry& entry) const {
  std::vector<std::string> files{artifact_file(entry.document, "signed")};
  if (has_other(entry)) return files;
  for (const char* what : {"blob", "part", "old"})
    files.push_back(artifact_file(entry.digest, what));
  return files;
}

// ---- the index on disk ----

void ArtifactStore::State::save(Done done) {
  (saving ? waiting_for_next : waiting_for_save).push_back(std::move(done));
  if (!saving) write_index();
}

void ArtifactStore::State::write_index() {
  saving = true;
  const auto outcome = std::make_shared<Result<void>>();
  world.loop().work(
      index_lane,
      [outcome, where = dir, bytes = encode(index)] {
        *outcome = os::write_file(*where, "index", bytes);
      },
      [weak = weak_from_this(), outcome] {
        const auto self = weak.lock();
        if (!self) return;
        self->saving = false;
        const auto told = std::exchange(self->waiting_for_save, {});
        self->waiting_for_save = std::exchange(self->waiting_for_next, {});
        if (!self->waiting_for_save.empty()) self->write_index();
        for (const Done& done : told)
          if (done) done(*outcome);
      });
}

// ---- what is there ----

std::vector<StoredArtifact> ArtifactStore::list() const {
  std::vector<StoredArtifact> all;
  for (const ArtifactEntry& e : state_->index.entries)
    all.push_back({e, state_->held.contains({e.name, e.version})});
  std::ranges::sort(all, {}, [](const StoredArtifact& a) {
    return std::pair(std::string_view(a.entry.name), a.entry.version);
  });
  return all;
}

const ArtifactEntry* ArtifactStore::find(std::string_view name, std::uint64_t version) const {
  return state_->find(name, version);
}

std::uint64_t ArtifactStore::newest(std::string_view name) const {
  const auto at = state_->index.newest.find(name);
  return at == state_->index.newest.end() ? 0 : at->second;
}

ArtifactStoreStats ArtifactStore::stats() const {
  ArtifactStoreStats stats;
  stats.used_bytes = state_->used();
  stats.artifacts = state_->index.entries.size();
  stats.whole = static_cast<std::uint64_t>(
      std::ranges::count_if(state_->index.entries, &ArtifactEntry::whole));
  stats.evicted = state_->evicted;
  stats.damaged = state_->damaged;
  return stats;
}

void ArtifactStore::hold(std::string_view name, std::uint64_t version, Pin pin) {
  ArtifactEntry* entry = state_->find(name, version);
  if (entry == nullptr) return;
  state_->touch(*entry);
  entry->pinned = pin == Pin::yes;
  state_->held.emplace(name, version);
  state_->save({});
}

void ArtifactStore::release(std::string_view name, std::uint64_t version) {
  ArtifactEntry* entry = state_->find(name, version);
  if (entry == nullptr) return;
  entry->pinned = false;
  state_->held.erase({std::string(name), version});
  state_->save({});
}

void ArtifactStore::remove(std::string_view name, std::uint64_t version, Done done) {
  State& s = *state_;
  const ArtifactEntry* entry = s.find(name, version);
  const std::string what = std::string(name) + " " + std::to_string(version);
  Result<void> may = {};
  if (entry == nullptr) may = base::fail(Code::not_found, what + " is not here");
  else if (s.writing.contains(entry->digest)) may = base::fail(Code::conflict, what + " is being fetched");
  if (!may) return s.world.loop().defer([done, may] { done(may); });
  const auto lane = s.lane(entry->digest);
  const auto files = s.files_of(*entry);
  s.forget({std::string(name), version});
  s.save([weak = s.weak_from_this(), lane, files, done](const Result<void>& saved) {
    const auto state = weak.lock();
    if (!state) return;
    if (!saved) return done(saved);
    state->world.loop().work(
        lane,
        [dir = state->dir, files] {
          for (const auto& file : files)
            base::ignore(dir->remove(file), "the next start removes what is in no index");
        },
        [done] { done({}); });
  });
}

void ArtifactStore::set_unwrap(Unwrap unwrap) { state_->unwrap = std::move(unwrap); }

}  // namespace selvedge::store
