// ArtifactStore::State, private to the store's .cc files:
//   artifact_store_open.cc     the start: index, leftovers
//   artifact_store.cc          listing, holding, removing, the index on disk
//   artifact_store_fetch.cc    begin, publish
//   artifact_store_read.cc     documents, verifying, reading

#pragma once

#include <map>
#include <set>

#include "store/artifact_files.h"
#include "store/artifact_store.h"

namespace selvedge::store {

struct ArtifactStore::State : std::enable_shared_from_this<ArtifactStore::State> {
  State(os::World& w, std::shared_ptr<os::Dir> d, ArtifactStoreLimits l)
      : world(w), dir(std::move(d)), limits(l) {}

  using Key = std::pair<std::string, std::uint64_t>;
  struct Begin {
    Manifest manifest;
    std::string document;
    Pin pin{};
    std::function<void(base::Result<ArtifactBegun>)> done;
  };

  base::Result<void> load();
  base::Result<void> clean();
  base::Result<bool> check_file(ArtifactEntry& entry);

  ArtifactEntry* find(std::string_view name, std::uint64_t version);
  bool has_other(const ArtifactEntry& entry) const;   // with the same bytes
  std::uint64_t used() const;
  std::uint32_t lane(const model::Sha256& digest) const { return 16 + digest[0] % 4; }
  void touch(ArtifactEntry& entry);
  void became_whole(const model::Sha256& digest);
  void forget(const Key& key);

  // Writes the index, then calls back; calls of one write share the next one.
  void save(Done done);
  void write_index();

  void note_damage(const model::Sha256& digest, Done done);
  base::Result<void> may_begin(const Begin& what) const;
  void make_room(Begin what, std::uint64_t free);
  base::Result<std::vector<Key>> victims(const Begin& what, std::uint64_t free) const;
  void prepare(Begin what, std::vector<std::string> gone);
  std::vector<std::string> files_of(const ArtifactEntry& entry) const;
  std::vector<ArtifactEntry> kin(const Begin& what) const;

  os::World& world;
  std::shared_ptr<os::Dir> dir;
  ArtifactStoreLimits limits;
  ArtifactIndex index;
  std::set<Key> held;
  std::set<model::Sha256> writing;
  std::vector<Done> waiting_for_save, waiting_for_next;
  bool saving = false;
  std::uint64_t evicted = 0, damaged = 0;
  Unwrap unwrap;
};

// The manifest in a signed document whose digest is known. Its signatures were checked before.
base::Result<std::shared_ptr<const model::ArtifactManifest>> read_manifest(
    os::Dir& dir, const model::Sha256& document);

}  // namespace selvedge::store
