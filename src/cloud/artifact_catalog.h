// ArtifactCatalog: the artifacts of the cloud on its disk: bytes by digest, signed manifests, and the
// list of what was published.
//
// Bytes come in piece by piece behind what is there, in any number of sessions, and are whole once
// their digest was verified. Publishing verifies every chunk as well, so that what is listed can be
// fetched. The list is on disk before anything is answered. Uploads that were not finished, and bytes
// that nothing names, go after a day or at the next start. Beyond the budget, or when less than
// keep_free would be left on the disk, an upload is refused with Code::exhausted.
//
// Files are named by digests alone. Belongs to the loop thread; its file work runs on the pool.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/artifact.h"
#include "os/world.h"

namespace selvedge::cloud {

struct CatalogLimits {
  std::uint64_t budget_bytes = 100ULL << 30;
  std::uint64_t keep_free_bytes = 1ULL << 30;
  std::size_t entries = 16'384;
  std::size_t uploads = 64;
  base::Duration upload_kept = std::chrono::hours(24);
};

struct CatalogEntry {
  std::string name;
  std::uint64_t version = 0;
  std::string version_text, kind;
  std::uint64_t size = 0;
  model::Sha256 digest{}, document{};
  std::uint64_t document_bytes = 0;
  bool sealed = false;
  base::Time created{}, pushed{};
  std::string pushed_by;
  std::vector<std::string> signers;          // ids of keys
};

// What there is of some bytes.
struct BlobState {
  std::uint64_t have = 0;
  bool whole = false;
};

class ArtifactCatalog {
 public:
  using Done = std::function<void(base::Result<void>)>;

  // Makes `path`; removes what no list names. Blocks.
  static base::Result<std::shared_ptr<ArtifactCatalog>> open(os::World& world, std::string_view path,
                                                             CatalogLimits limits);
  ArtifactCatalog(os::World& world, std::shared_ptr<os::Dir> dir, CatalogLimits limits)
      : world_(world), dir_(std::move(dir)), limits_(limits) {}
  ~ArtifactCatalog();

  const std::vector<CatalogEntry>& entries() const { return entries_; }   // by name and version
  const CatalogEntry* find(std::string_view name, std::uint64_t version) const;
  BlobState blob(const model::Sha256& digest) const;
  std::uint64_t used() const;

  // Bytes first..first+body of `size` in all. Code::conflict if they do not begin where those that
  // are there end (blob() says where), or while others are being written. The last piece makes the
  // whole, or Code::corrupt, after which nothing is left of it. `outcome`: whole or not yet.
  void put(const model::Sha256& digest, std::uint64_t first, std::uint64_t size, std::string body,
           std::function<void(base::Result<BlobState>)> done);
  // To be read on the pool. Code::not_found until it is whole.
  void read(const model::Sha256& digest,
            std::function<void(base::Result<std::unique_ptr<os::File>>)> done);

  // Lists it. Code::not_found: its bytes are not here; Code::corrupt: they are not those of the
  // manifest; Code::conflict: there is another one of this name and version.
  void publish(CatalogEntry entry, std::shared_ptr<const model::ArtifactManifest> manifest,
               std::string document, Done done);
  void document(const CatalogEntry& entry, std::function<void(base::Result<std::string>)> done);
  void remove(std::string_view name, std::uint64_t version, Done done);

 private:
  struct Blob {
    std::uint64_t size = 0, have = 0;
    bool whole = false, busy = false;
    base::Instant touched{};
  };
  base::Result<void> load();
  base::Result<void> clean();
  base::Result<void> may_put(const Blob* blob, std::uint64_t first, std::uint64_t size,
                             std::uint64_t count) const;
  void wrote(const model::Sha256& digest, const base::Result<void>& outcome, std::uint64_t have,
             const std::function<void(base::Result<BlobState>)>& done);
  void listed(const CatalogEntry& entry, const Done& done);
  void save(Done done);
  void write_list();
  void arm_sweep();
  void sweep();
  bool named(const model::Sha256& digest) const;
  std::uint32_t lane(const model::Sha256& digest) const { return 32 + digest[0] % 4; }
  void remove_files(std::vector<std::string> files, const model::Sha256& digest, Done done);

  os::World& world_;
  std::shared_ptr<os::Dir> dir_;
  CatalogLimits limits_;
  std::vector<CatalogEntry> entries_;
  std::map<model::Sha256, Blob> blobs_;
  std::vector<Done> waiting_for_save_, waiting_for_next_;
  bool saving_ = false;
  os::TimerId sweep_timer_ = os::TimerId::none;
  std::weak_ptr<ArtifactCatalog> self_;
};

std::string encode_catalog(const std::vector<CatalogEntry>& entries);
base::Result<std::vector<CatalogEntry>> decode_catalog(std::string_view json, std::size_t most);

}  // namespace selvedge::cloud
