#include "cloud/artifact_catalog.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "crypto/hasher.h"
#include "store/artifact_writer.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;

namespace {

constexpr base::Duration sweep_every = std::chrono::minutes(10);

std::string file_of(const model::Sha256& digest, std::string_view what) {
  return base::to_hex(digest) + "." + std::string(what);
}

// The last piece is there: the whole is verified before it gets its name.
Result<void> make_whole(os::Dir& dir, os::File& file, const model::Sha256& digest, std::uint64_t size) {
  crypto::Hasher hasher;
  base::Bytes piece;
  for (std::uint64_t at = 0; at < size; at += piece.size()) {
    TRY(file.read(at, 256 << 10, piece));
    if (piece.empty()) return base::fail(Code::corrupt, "the bytes are cut off");
    hasher.add(piece);
  }
  if (hasher.finish() != digest) return base::fail(Code::corrupt, "the bytes are not what their digest says");
  TRY(file.sync());
  TRY(dir.rename(file_of(digest, "part"), file_of(digest, "blob")));
  return dir.sync();
}

}  // namespace

Result<std::shared_ptr<ArtifactCatalog>> ArtifactCatalog::open(os::World& world, std::string_view path,
                                                               CatalogLimits limits) {
  auto catalog = std::make_shared<ArtifactCatalog>(world, TRY(world.directory(path, true)), limits);
  catalog->self_ = catalog;
  TRY(base::while_doing("artifacts", catalog->load()));
  catalog->arm_sweep();
  return catalog;
}

ArtifactCatalog::~ArtifactCatalog() { world_.loop().cancel(sweep_timer_); }

const CatalogEntry* ArtifactCatalog::find(std::string_view name, std::uint64_t version) const {
  const auto at = std::ranges::find_if(
      entries_, [&](const auto& e) { return e.name == name && e.version == version; });
  return at == entries_.end() ? nullptr : &*at;
}

BlobState ArtifactCatalog::blob(const model::Sha256& digest) const {
  const auto at = blobs_.find(digest);
  return at == blobs_.end() ? BlobState{} : BlobState{at->second.have, at->second.whole};
}

std::uint64_t ArtifactCatalog::used() const {
  std::uint64_t sum = 0;
  for (const CatalogEntry& e : entries_) sum += e.document_bytes;
  for (const auto& [digest, blob] : blobs_) sum += blob.size;
  return sum;
}

bool ArtifactCatalog::named(const model::Sha256& digest) const {
  return std::ranges::any_of(entries_, [&](const auto& e) { return e.digest == digest; });
}

// ---- bytes ----

Result<void> ArtifactCatalog::may_put(const Blob* blob, std::uint64_t first, std::uint64_t size,
                                      std::uint64_t count) const {
  if (size == 0 || size > model::ArtifactLimits::bytes || count == 0 || first >= size || count > size - first)
    return base::fail(Code::invalid_input, "these bytes do not fit into " + std::to_string(size));
  const std::uint64_t have = blob != nullptr ? blob->have : 0;
  if (blob != nullptr && blob->busy) return base::fail(Code::conflict, "others of its bytes are being written");
  if (first != have || (blob != nullptr && blob->size != size && blob->have > 0))
    return base::fail(Code::conflict, "its first " + std::to_string(have) + " bytes are here; go on from there");
  if (blob != nullptr && blob->size == size) return {};
  const auto open = static_cast<std::size_t>(
      std::ranges::count_if(blobs_, [](const auto& b) { return !b.second.whole; }));
  if (open >= limits_.uploads) return base::fail(Code::exhausted, "too many uploads are under way");
  const std::uint64_t taken = used();
  if (taken > limits_.budget_bytes || size > limits_.budget_bytes - taken)
    return base::fail(Code::exhausted, "artifacts would take more than their budget of " +
                                           base::size_text(limits_.budget_bytes));
  return {};
}

void ArtifactCatalog::put(const model::Sha256& digest, std::uint64_t first, std::uint64_t size,
                          std::string body, std::function<void(Result<BlobState>)> done) {
  const auto at = blobs_.find(digest);
  const Blob* known = at == blobs_.end() ? nullptr : &at->second;
  Result<BlobState> early = BlobState{};
  if (known != nullptr && known->whole) {
    early = BlobState{known->have, true};
  } else if (const auto may = may_put(known, first, size, body.size()); !may) {
    early = std::unexpected(may.error());
  } else {
    Blob& blob = blobs_[digest];
    blob.size = size;
    blob.busy = true;
    blob.touched = world_.loop().now();
    struct Write {
      std::string body;
      Result<void> outcome;
      std::uint64_t have;
    };
    const auto write = std::make_shared<Write>(std::move(body), Result<void>{}, first);
    const auto job = [write, digest, size, dir = dir_, keep_free = limits_.keep_free_bytes] {
      const auto append = [&]() -> Result<void> {
        const std::uint64_t free = TRY(dir->free_bytes());
        if (free < keep_free || free - keep_free < write->body.size())
          return base::fail(Code::exhausted, "the disk has " + base::size_text(free) + " left, of which " +
                                                 base::size_text(keep_free) + " are to stay free");
        const auto file = TRY(dir->open(file_of(digest, "part"), os::Open::create));
        if (TRY(file->size()) != write->have) TRY(file->truncate(write->have));
        TRY(file->append(base::as_bytes(write->body)));
        write->have += write->body.size();
        if (write->have == size) TRY(make_whole(*dir, *file, digest, size));
        return {};
      };
      write->outcome = append();
      if (!write->outcome && write->outcome.error().code == Code::corrupt)
        base::ignore(dir->remove(file_of(digest, "part")), "it is of no use to anybody");
    };
    return world_.loop().work(lane(digest), job, [weak = self_, write, digest, done = std::move(done)] {
      if (const auto self = weak.lock()) self->wrote(digest, write->outcome, write->have, done);
    });
  }
  world_.loop().defer([done = std::move(done), early] { done(early); });
}

void ArtifactCatalog::wrote(const model::Sha256& digest, const Result<void>& outcome, std::uint64_t have,
                            const std::function<void(Result<BlobState>)>& done) {
  Blob& blob = blobs_[digest];
  blob.busy = false;
  if (outcome) {
    blob.have = have;
    blob.whole = have == blob.size;
    return done(BlobState{have, blob.whole});
  }
  if (outcome.error().code == Code::corrupt || blob.have == 0) {
    // One that is listed and lost its bytes can be pushed again.
    if (named(digest)) blob.have = 0;
    else blobs_.erase(digest);
  }
  done(std::unexpected(outcome.error()));
}

void ArtifactCatalog::read(const model::Sha256& digest,
                           std::function<void(Result<std::unique_ptr<os::File>>)> done) {
  const auto file = std::make_shared<Result<std::unique_ptr<os::File>>>();
  world_.loop().work(
      lane(digest), [file, dir = dir_, digest] { *file = dir->open(file_of(digest, "blob"), os::Open::existing); },
      [file, done = std::move(done)] { done(std::move(*file)); });
}

// ---- what is listed ----

void ArtifactCatalog::publish(CatalogEntry entry, std::shared_ptr<const model::ArtifactManifest> manifest,
                              std::string document, Done done) {
  const BlobState state = blob(entry.digest);
  const CatalogEntry* known = find(entry.name, entry.version);
  Result<void> may = {};
  if (known != nullptr && known->document == entry.document) {
    return world_.loop().defer([done = std::move(done)] { done({}); });
  } else if (known != nullptr) {
    may = base::fail(Code::conflict, entry.name + " " + std::to_string(entry.version) +
                                         " was pushed before, with another manifest");
  } else if (!state.whole) {
    may = base::fail(Code::not_found, "its bytes are not here; push them first");
  } else if (entries_.size() >= limits_.entries) {
    may = base::fail(Code::exhausted, "too many artifacts are listed");
  }
  if (!may) return world_.loop().defer([done = std::move(done), may] { done(may); });
  const auto outcome = std::make_shared<Result<void>>();
  const auto job = [outcome, dir = dir_, manifest, document = std::move(document), name = entry.document] {
    *outcome = store::verify_artifact(*dir, *manifest);
    if (*outcome) *outcome = os::write_file(*dir, file_of(name, "signed"), base::as_bytes(document));
  };
  world_.loop().work(lane(entry.digest), job, [weak = self_, outcome, entry, done = std::move(done)] {
    const auto self = weak.lock();
    if (!self) return;
    if (!*outcome) return done(*outcome);
    self->listed(entry, done);
  });
}

void ArtifactCatalog::listed(const CatalogEntry& entry, const Done& done) {
  // Meanwhile its bytes may have been removed, or the same name pushed.
  if (!blob(entry.digest).whole || find(entry.name, entry.version) != nullptr)
    return done(base::fail(Code::conflict, "something else happened to it meanwhile"));
  const auto key = [](const CatalogEntry& e) { return std::pair(std::string_view(e.name), e.version); };
  entries_.insert(std::ranges::upper_bound(entries_, key(entry), {}, key), entry);
  save([weak = self_, name = entry.name, version = entry.version, done](const Result<void>& saved) {
    const auto self = weak.lock();
    if (!self) return;
    if (!saved)
      std::erase_if(self->entries_, [&](const auto& e) { return e.name == name && e.version == version; });
    done(saved);
  });
}

void ArtifactCatalog::document(const CatalogEntry& entry, std::function<void(Result<std::string>)> done) {
  const auto text = std::make_shared<Result<base::Bytes>>();
  world_.loop().work(
      lane(entry.digest),
      [text, dir = dir_, name = entry.document] {
        *text = os::read_file(*dir, file_of(name, "signed"), model::ArtifactLimits::document_bytes);
      },
      [text, done = std::move(done)] {
        if (!*text) return done(std::unexpected((*text).error()));
        done(std::string(base::as_text(**text)));
      });
}

void ArtifactCatalog::remove(std::string_view name, std::uint64_t version, Done done) {
  const CatalogEntry* found = find(name, version);
  if (found == nullptr)
    return world_.loop().defer([done = std::move(done), what = std::string(name)] {
      done(base::fail(Code::not_found, what + ": there is no such version"));
    });
  const CatalogEntry entry = *found;
  std::erase_if(entries_, [&](const auto& e) { return e.name == entry.name && e.version == entry.version; });
  std::vector<std::string> files{file_of(entry.document, "signed")};
  if (!named(entry.digest)) {
    blobs_.erase(entry.digest);
    files.push_back(file_of(entry.digest, "blob"));
  }
  save([weak = self_, entry, files, done = std::move(done)](const Result<void>& saved) {
    const auto self = weak.lock();
    if (!self) return;
    if (!saved) return done(saved);
    auto gone = files;
    if (self->blobs_.contains(entry.digest)) gone.resize(1);   // pushed again meanwhile
    self->remove_files(gone, entry.digest, done);
  });
}

void ArtifactCatalog::remove_files(std::vector<std::string> files, const model::Sha256& digest, Done done) {
  world_.loop().work(
      lane(digest),
      [dir = dir_, files = std::move(files)] {
        for (const auto& file : files)
          base::ignore(dir->remove(file), "the next start removes what is in no list");
      },
      [done = std::move(done)] {
        if (done) done({});
      });
}

void ArtifactCatalog::arm_sweep() {
  sweep_timer_ = world_.loop().after(std::min(sweep_every, limits_.upload_kept), [weak = self_] {
    const auto self = weak.lock();
    if (!self) return;
    self->sweep();
    self->arm_sweep();
  });
}

void ArtifactCatalog::sweep() {
  const base::Instant now = world_.loop().now();
  std::vector<model::Sha256> gone;
  for (const auto& [digest, blob] : blobs_)
    if (!blob.busy && now - blob.touched >= limits_.upload_kept && !named(digest)) gone.push_back(digest);
  for (const model::Sha256& digest : gone) {
    base::log::info("artifacts", "bytes that were not published are removed", {{"digest", base::to_hex(digest)}});
    blobs_.erase(digest);
    remove_files({file_of(digest, "part"), file_of(digest, "blob")}, digest, {});
  }
}

}  // namespace selvedge::cloud
