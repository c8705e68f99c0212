// ArtifactStore: the artifacts of a node, on its disk and within a budget.
//
// An artifact is known by name and version, its files by its digest. It is listed from begin() on,
// and whole once publish() has made it durable; whatever a power cut leaves between the two is
// verified and used again. Artifacts that are pinned, or held in this run, stay; of the others the
// ones wished for longest ago go when room is needed. When room cannot be made begin() fails with
// Code::exhausted and says what holds it. The budget is never passed, and `keep_free` of the disk is
// left alone.
//
// A name never goes back to an older version than one that was whole here once, also after a restart.
// A damaged file is noticed at verify() or while it is read; what is good of it is used again.
//
// The index is written before anything is answered. Belongs to the loop thread; its file work runs on
// the pool, in the lane of the artifact.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/world.h"
#include "store/artifact_index.h"
#include "store/artifact_reader.h"
#include "store/artifact_writer.h"

namespace selvedge::store {

struct ArtifactStoreLimits {
  std::uint64_t budget_bytes = 4ULL << 30;
  std::uint64_t keep_free_bytes = 64 << 20;
};

struct ArtifactStoreStats {
  std::uint64_t used_bytes = 0;             // of the budget; what is being fetched counts in full
  std::uint64_t artifacts = 0, whole = 0;
  std::uint64_t evicted = 0, damaged = 0;
};

enum class Pin : std::uint8_t { no, yes };

struct StoredArtifact {
  ArtifactEntry entry;
  bool held = false;
};

// What a fetch starts from.
struct ArtifactBegun {
  std::shared_ptr<ArtifactWriter> writer;       // null: its bytes are whole here already
  std::shared_ptr<const ChunkSources> sources;
};

class ArtifactStore {
 public:
  using Manifest = std::shared_ptr<const model::ArtifactManifest>;
  using Done = std::function<void(base::Result<void>)>;

  // Makes `path` if it is not there, and removes files that belong to nothing. Blocks.
  static base::Result<std::unique_ptr<ArtifactStore>> open(os::World& world, std::string_view path,
                                                           ArtifactStoreLimits limits);
  ~ArtifactStore();

  std::vector<StoredArtifact> list() const;     // by name and version
  const ArtifactEntry* find(std::string_view name, std::uint64_t version) const;
  // The newest version of `name` that was whole here; 0: none.
  std::uint64_t newest(std::string_view name) const;
  ArtifactStoreStats stats() const;
  // The signed manifest of one that is listed, read and held against its digest.
  void document(std::string_view name, std::uint64_t version,
                std::function<void(base::Result<std::string>)> done);

  // Says that a listed artifact is wished for now, and keeps it from eviction until release().
  void hold(std::string_view name, std::uint64_t version, Pin pin);
  void release(std::string_view name, std::uint64_t version);
  // Forgets it and its bytes, if nothing else has the same. Code::conflict while it is being written.
  void remove(std::string_view name, std::uint64_t version, Done done);

  // Makes room, lists the artifact as held, and opens what there is of it. `document` is the signed
  // manifest, already verified. Code::exhausted: no room. Code::denied: an older version than
  // newest(). Code::conflict: its bytes are being written already, or other bytes under this name and version.
  void begin(Manifest manifest, std::string document, Pin pin,
             std::function<void(base::Result<ArtifactBegun>)> done);
  // Runs `job` on the writer in its lane, then `done` here, after jobs given before.
  void run(const std::shared_ptr<ArtifactWriter>& writer,
           std::function<void(ArtifactWriter&)> job, std::function<void()> done);
  // Verifies the whole and makes it durable and listed as whole.
  void publish(std::shared_ptr<ArtifactWriter> writer, Done done);
  // The writer is not used any more; what it verified stays for the next begin().
  void end(const std::shared_ptr<ArtifactWriter>& writer);

  // Reads all of a whole artifact. Code::corrupt: it is damaged, and listed as not whole from now on.
  void verify(std::string_view name, std::uint64_t version, Done done);
  void damaged(const model::Sha256& digest, Done done);

  // How to find the key of sealed contents; without it they cannot be opened.
  using Unwrap = std::function<base::Result<crypto::AeadKey>(const model::ArtifactManifest&)>;
  void set_unwrap(Unwrap unwrap);
  // Code::not_found if it is not whole here; Code::denied: sealed, and not for this node.
  void open(const model::Sha256& digest,
            std::function<void(base::Result<std::unique_ptr<ArtifactReader>>)> done);

 private:
  struct State;
  explicit ArtifactStore(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace selvedge::store
