#include <algorithm>

#include "base/log.h"
#include "store/artifact_store_state.h"

namespace selvedge::store {

using base::Code;
using base::Result;

Result<std::unique_ptr<ArtifactStore>> ArtifactStore::open(os::World& world, std::string_view path,
                                                           ArtifactStoreLimits limits) {
  auto state = std::make_shared<State>(world, TRY(world.directory(path, true)), limits);
  TRY(base::while_doing("artifacts", state->load()));
  return std::unique_ptr<ArtifactStore>(new ArtifactStore(std::move(state)));
}

Result<void> ArtifactStore::State::load() {
  const auto bytes = os::read_file(*dir, "index", ArtifactIndex::max_bytes);
  if (!bytes && bytes.error().code != Code::not_found) return std::unexpected(bytes.error());
  if (bytes) {
    auto read = decode_artifact_index(*bytes);
    if (read) {
      index = std::move(*read);
    } else {
      // Without its index nothing here can be trusted, but all of it can be fetched again.
      base::log::error("artifacts", "starts empty", {{"why", read.error()}});
      TRY(dir->rename("index", "index.damaged"));
    }
  }
  return clean();
}

// Brings index and files together: files of nobody go, entries without their files too.
Result<void> ArtifactStore::State::clean() {
  bool changed = false;
  std::set<std::string> wanted{"index", "index.damaged"};
  std::vector<ArtifactEntry> kept;
  for (ArtifactEntry& entry : index.entries) {
    const ArtifactEntry before = entry;
    const bool keep = TRY(check_file(entry));
    changed = changed || !keep || !(entry == before);
    if (!keep) continue;
    wanted.insert(artifact_file(entry.document, "signed"));
    wanted.insert(artifact_file(entry.digest, entry.whole ? "blob" : "part"));
    if (!entry.whole) wanted.insert(artifact_file(entry.digest, "old"));
    kept.push_back(std::move(entry));
  }
  index.entries = std::move(kept);
  for (const std::string& name : TRY(dir->list()))
    if (!wanted.contains(name)) TRY(dir->remove(name));
  if (changed) TRY(os::write_file(*dir, "index", encode(index)));
  return {};
}

// False if it is not worth keeping.
Result<bool> ArtifactStore::State::check_file(ArtifactEntry& entry) {
  if (const auto file = dir->open(artifact_file(entry.document, "signed"), os::Open::existing); !file)
    return false;
  const std::string blob = artifact_file(entry.digest, "blob");
  const auto file = dir->open(blob, os::Open::existing);
  if (!file) {
    if (file.error().code != Code::not_found) return std::unexpected(file.error());
    entry.whole = false;
    return true;
  }
  const bool right_size = TRY((*file)->size()) == entry.size;
  if (entry.whole && right_size) return true;
  // It was renamed, and the power went before the index said so; or it lost its end. Either way
  // the next fetch verifies it from the front.
  entry.whole = false;
  TRY(dir->rename(blob, artifact_file(entry.digest, "part")));
  return true;
}

}  // namespace selvedge::store
