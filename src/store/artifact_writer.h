// ArtifactWriter: an artifact's bytes on their way to the disk, verified chunk by chunk.
//
// <digest>.part grows at its end only. A chunk that is not what its digest says is cut off again, so
// whatever have() counts is verified, also after a power cut: open() verifies what it finds and cuts
// off the rest. finish() verifies the whole against the artifact's digest before it becomes
// <digest>.blob, in one rename. After any other error than those described the writer is of no
// further use; what was synced stays for the next one. Nothing is written beyond the size in the
// manifest, nor when less than `keep_free` would be left on the disk.
//
// Holds no chunk in memory. Blocks: belongs into Loop::work, in one lane.

#pragma once

#include <map>
#include <memory>

#include "base/time.h"
#include "crypto/hasher.h"
#include "model/artifact.h"
#include "os/files.h"

namespace selvedge::store {

// Where a chunk lies in another file of the store.
struct ChunkSource {
  std::string file;
  std::uint64_t offset = 0;
};
using ChunkSources = std::map<std::uint32_t, ChunkSource>;   // by chunk

class ArtifactWriter {
 public:
  using Manifest = std::shared_ptr<const model::ArtifactManifest>;

  // `dir` is shared with others who use it at the same time; their files have other names.
  static base::Result<std::unique_ptr<ArtifactWriter>> open(std::shared_ptr<os::Dir> dir,
                                                            Manifest manifest,
                                                            std::uint64_t keep_free);

  const Manifest& manifest() const { return manifest_; }
  std::uint64_t have() const { return have_; }    // verified bytes

  enum class Wrote : std::uint8_t { well, refused };
  // The bytes behind what was written last. refused: the chunk at have() is wrong and was cut off;
  // the rest of `bytes` was ignored. Code::exhausted: no room. `now` spaces the syncs.
  base::Result<Wrote> write(base::BytesView bytes, base::Instant now);
  // Forgets what is not a whole chunk.
  base::Result<void> drop_tail();
  // Copies the chunk at have() from another file. refused: what is there is not that chunk.
  base::Result<Wrote> copy(const ChunkSource& source, base::Instant now);
  // Code::corrupt if the whole is not what its digest says; nothing is kept then.
  base::Result<void> finish();

 private:
  ArtifactWriter(std::shared_ptr<os::Dir> dir, Manifest manifest, std::uint64_t keep_free)
      : dir_(std::move(dir)), manifest_(std::move(manifest)), keep_free_(keep_free) {}

  base::Result<void> recover();
  base::Result<void> check_room();
  base::Result<Wrote> end_chunk(base::Instant now);
  base::Result<void> sync();

  std::shared_ptr<os::Dir> dir_;
  Manifest manifest_;
  std::uint64_t keep_free_;
  std::unique_ptr<os::File> file_;
  std::uint64_t at_ = 0;                 // bytes written
  std::uint64_t have_ = 0;
  std::uint64_t synced_ = 0;             // of the verified ones
  base::Instant synced_at_{};
  crypto::Hasher chunk_;                 // of the chunk at have_
  crypto::Hasher whole_, whole_before_;  // with, and without, the chunk at have_
};

// True if <digest>.blob is what the manifest says, chunk by chunk. Blocks.
base::Result<void> verify_artifact(os::Dir& dir, const model::ArtifactManifest& manifest);

// Those chunks of `wanted`, from its chunk `first` on, that lie in `file`, which is an artifact by
// the manifest `there`.
void find_chunks(const model::ArtifactManifest& wanted, std::uint32_t first,
                 const model::ArtifactManifest& there, const std::string& file,
                 ChunkSources& found);

std::uint64_t chunk_length(const model::ArtifactManifest& manifest, std::uint64_t chunk);

}  // namespace selvedge::store
