#include "store/artifact_writer.h"

#include <algorithm>
#include <unordered_map>

#include "store/artifact_files.h"

namespace selvedge::store {

using base::Code;
using base::Result;
using Wrote = ArtifactWriter::Wrote;

namespace {

constexpr std::size_t piece_bytes = 256 << 10;
// What a power cut may cost, besides the chunk under way.
constexpr std::uint64_t unsynced_most = 64 << 20;
constexpr base::Duration unsynced_longest = std::chrono::seconds(5);

struct DigestHash {
  std::size_t operator()(const model::Sha256& digest) const {
    std::size_t out = 0;
    std::copy_n(digest.begin(), sizeof out, reinterpret_cast<std::uint8_t*>(&out));
    return out;
  }
};

}  // namespace

std::uint64_t chunk_length(const model::ArtifactManifest& manifest, std::uint64_t chunk) {
  const std::uint64_t begin = chunk * manifest.chunk_bytes;
  return std::min<std::uint64_t>(manifest.chunk_bytes, manifest.size - begin);
}

Result<std::unique_ptr<ArtifactWriter>> ArtifactWriter::open(std::shared_ptr<os::Dir> dir,
                                                             Manifest manifest,
                                                             std::uint64_t keep_free) {
  std::unique_ptr<ArtifactWriter> writer(
      new ArtifactWriter(std::move(dir), std::move(manifest), keep_free));
  TRY(writer->recover());
  return writer;
}

// Reads what an earlier run left and keeps the chunks that are good.
Result<void> ArtifactWriter::recover() {
  file_ = TRY(dir_->open(artifact_file(manifest_->digest, "part"), os::Open::create));
  const std::uint64_t size = std::min(TRY(file_->size()), manifest_->size);
  base::Bytes piece;
  for (std::uint64_t chunk = 0; have_ < size; ++chunk) {
    const std::uint64_t end = have_ + chunk_length(*manifest_, chunk);
    if (end > size) break;
    while (at_ < end) {
      TRY(file_->read(at_, static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, end - at_)),
                      piece));
      if (piece.empty()) break;
      chunk_.add(piece);
      whole_.add(piece);
      at_ += piece.size();
    }
    if (at_ < end || chunk_.finish() != manifest_->chunks[chunk]) break;
    have_ = at_;
    whole_before_ = whole_;
  }
  if (TRY(file_->size()) != have_) TRY(file_->truncate(have_));
  chunk_ = {};
  whole_ = whole_before_;
  at_ = have_;
  return {};
}

Result<void> ArtifactWriter::check_room() {
  const std::uint64_t free = TRY(dir_->free_bytes());
  const std::uint64_t next = chunk_length(*manifest_, at_ / manifest_->chunk_bytes);
  if (free >= keep_free_ && free - keep_free_ >= next) return {};
  return base::fail(Code::exhausted, "the disk has " + base::size_text(free) + " left, of which " +
                                         base::size_text(keep_free_) + " are to stay free");
}

Result<Wrote> ArtifactWriter::write(base::BytesView bytes, base::Instant now) {
  if (bytes.size() > manifest_->size - at_)
    return base::fail(Code::corrupt, "there are more bytes than the manifest says");
  if (synced_at_ == base::Instant{}) synced_at_ = now;
  while (!bytes.empty()) {
    if (at_ == have_) TRY(check_room());
    const std::uint64_t end = have_ + chunk_length(*manifest_, have_ / manifest_->chunk_bytes);
    const base::BytesView piece =
        bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), end - at_)));
    bytes = bytes.subspan(piece.size());
    TRY(file_->append(piece));
    chunk_.add(piece);
    whole_.add(piece);
    at_ += piece.size();
    if (at_ == end && TRY(end_chunk(now)) == Wrote::refused) return Wrote::refused;
  }
  return Wrote::well;
}

Result<Wrote> ArtifactWriter::end_chunk(base::Instant now) {
  if (chunk_.finish() != manifest_->chunks[have_ / manifest_->chunk_bytes]) {
    TRY(drop_tail());
    return Wrote::refused;
  }
  have_ = at_;
  whole_before_ = whole_;
  if (have_ - synced_ >= unsynced_most || now - synced_at_ >= unsynced_longest) {
    TRY(sync());
    synced_at_ = now;
  }
  return Wrote::well;
}

Result<void> ArtifactWriter::sync() {
  const auto done = file_->sync();
  if (done) {
    synced_ = have_;
  } else {
    // What was to be synced may never reach the disk, whatever a later sync says.
    base::ignore(file_->truncate(synced_), "the error of the sync is what counts");
  }
  return done;
}

Result<void> ArtifactWriter::drop_tail() {
  chunk_.finish();
  whole_ = whole_before_;
  if (at_ != have_) TRY(file_->truncate(have_));
  at_ = have_;
  return {};
}

Result<Wrote> ArtifactWriter::copy(const ChunkSource& source, base::Instant now) {
  const std::uint64_t begin = have_;
  const std::uint64_t length = chunk_length(*manifest_, have_ / manifest_->chunk_bytes);
  const auto from = dir_->open(source.file, os::Open::existing);
  if (!from) return Wrote::refused;
  base::Bytes piece;
  for (std::uint64_t done = 0; done < length;) {
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, length - done));
    if (!(*from)->read(source.offset + done, count, piece) || piece.size() != count) {
      TRY(drop_tail());
      return Wrote::refused;
    }
    if (TRY(write(piece, now)) == Wrote::refused) return Wrote::refused;
    done += count;
  }
  return have_ == begin + length ? Wrote::well : Wrote::refused;
}

Result<void> ArtifactWriter::finish() {
  CHECK(have_ == manifest_->size && at_ == have_);
  const std::string part = artifact_file(manifest_->digest, "part");
  if (whole_.finish() != manifest_->digest) {
    file_.reset();
    base::ignore(dir_->remove(part), "it is of no use to anybody");
    return base::fail(Code::corrupt, "the whole is not what its digest says, though its chunks are");
  }
  TRY(sync());
  file_.reset();
  TRY(dir_->rename(part, artifact_file(manifest_->digest, "blob")));
  return dir_->sync();
}

Result<void> verify_artifact(os::Dir& dir, const model::ArtifactManifest& manifest) {
  const auto file = TRY(dir.open(artifact_file(manifest.digest, "blob"), os::Open::existing));
  if (TRY(file->size()) != manifest.size) return base::fail(Code::corrupt, "it has another size");
  base::Bytes piece;
  crypto::Hasher hasher;
  std::uint64_t at = 0;
  for (std::uint64_t chunk = 0; chunk < manifest.chunks.size(); ++chunk) {
    const std::uint64_t end = at + chunk_length(manifest, chunk);
    while (at < end) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, end - at));
      TRY(file->read(at, count, piece));
      if (piece.size() != count) return base::fail(Code::corrupt, "it is cut off");
      hasher.add(piece);
      at += count;
    }
    if (hasher.finish() != manifest.chunks[chunk])
      return base::fail(Code::corrupt, "chunk " + std::to_string(chunk) + " is damaged");
  }
  return {};
}

void find_chunks(const model::ArtifactManifest& wanted, std::uint32_t first,
                 const model::ArtifactManifest& there, const std::string& file,
                 ChunkSources& found) {
  std::unordered_map<model::Sha256, std::uint64_t, DigestHash> places;
  for (std::uint64_t i = 0; i < there.chunks.size(); ++i)
    places.emplace(there.chunks[i], i * there.chunk_bytes);
  for (std::uint32_t i = first; i < wanted.chunks.size(); ++i) {
    const auto at = places.find(wanted.chunks[i]);
    if (at != places.end()) found.try_emplace(i, ChunkSource{file, at->second});
  }
}

}  // namespace selvedge::store
