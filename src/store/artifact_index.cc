#include "store/artifact_index.h"

#include <algorithm>

#include "base/checksummed.h"
#include "base/wire.h"
#include "codec/artifact/documents.h"

namespace selvedge::store {

using base::Code;

namespace {

constexpr std::uint32_t magic = 0x31584153;   // "SAX1"
constexpr std::uint8_t whole_bit = 1, pinned_bit = 2, sealed_bit = 4;

void put(base::Writer& out, const ArtifactEntry& e) {
  out.text(e.name);
  out.varint(e.version);
  out.text(e.version_text);
  out.text(e.kind);
  out.raw(e.digest);
  out.raw(e.document);
  out.varint(e.size);
  out.varint(e.document_bytes);
  out.u8(static_cast<std::uint8_t>((e.whole ? whole_bit : 0) | (e.pinned ? pinned_bit : 0) |
                                   (e.sealed ? sealed_bit : 0)));
  out.varint(e.wish);
  out.svarint(e.wished.ns);
}

model::Sha256 digest(base::Reader& in) {
  model::Sha256 out{};
  const base::BytesView bytes = in.raw(out.size());
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

ArtifactEntry entry(base::Reader& in) {
  ArtifactEntry e;
  e.name = in.text();
  e.version = in.varint();
  e.version_text = in.text();
  e.kind = in.text();
  e.digest = digest(in);
  e.document = digest(in);
  e.size = in.varint();
  e.document_bytes = in.varint();
  const std::uint8_t bits = in.u8();
  e.whole = (bits & whole_bit) != 0;
  e.pinned = (bits & pinned_bit) != 0;
  e.sealed = (bits & sealed_bit) != 0;
  e.wish = in.varint();
  e.wished.ns = in.svarint();
  return e;
}

bool sound(const ArtifactEntry& e) {
  return codec::artifact::is_artifact_name(e.name) && e.size <= model::ArtifactLimits::bytes &&
         e.document_bytes <= model::ArtifactLimits::document_bytes;
}

}  // namespace

base::Bytes encode(const ArtifactIndex& index) {
  base::Bytes bytes;
  base::Writer out(bytes);
  out.u32(magic);
  out.varint(index.last_wish);
  out.varint(index.entries.size());
  for (const ArtifactEntry& e : index.entries) put(out, e);
  out.varint(index.newest.size());
  for (const auto& [name, version] : index.newest) {
    out.text(name);
    out.varint(version);
  }
  base::append_checksum(bytes);
  return bytes;
}

base::Result<ArtifactIndex> decode_artifact_index(base::BytesView bytes) {
  const std::string_view what = "the index of artifacts";
  const auto corrupt = [what](const char* why) { return base::fail(Code::corrupt, std::string(what) + ": " + why); };
  if (bytes.size() > ArtifactIndex::max_bytes) return corrupt("has a wrong size");
  base::Reader in = TRY(base::read_checksummed(bytes, magic, what));
  ArtifactIndex index;
  index.last_wish = in.varint();
  const std::uint64_t entries = in.varint();
  if (entries > ArtifactIndex::max_entries) return corrupt("names too many artifacts");
  for (std::uint64_t i = 0; i < entries && in.ok(); ++i) {
    index.entries.push_back(entry(in));
    if (in.ok() && !sound(index.entries.back())) return corrupt("names an artifact that cannot be");
  }
  const std::uint64_t names = in.varint();
  if (names > ArtifactIndex::max_names) return corrupt("names too many versions");
  for (std::uint64_t i = 0; i < names && in.ok(); ++i) {
    std::string name(in.text());
    index.newest[std::move(name)] = in.varint();
  }
  if (!in.ok() || !in.at_end()) return corrupt("is cut off");
  return index;
}

}  // namespace selvedge::store
