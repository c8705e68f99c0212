// What a Trust is on disk: version, the keys document as it came, the newest certain time, floors.

#include "base/crc32c.h"
#include "base/wire.h"
#include "codec/artifact/documents.h"
#include "engine/trust/trust.h"

namespace selvedge::engine {
namespace {

using base::Code;
using base::fail;

constexpr std::uint8_t layout = 1;
constexpr std::size_t max_signers = 64;

std::unexpected<base::Error> damaged() {
  return fail(Code::corrupt, "read state of trust: the bytes are damaged");
}

}  // namespace

base::Bytes Trust::save() const {
  base::Bytes bytes;
  base::Writer out(bytes);
  out.u32(0);
  out.u8(layout);
  out.text(envelope_);
  out.svarint(floor_time_.ns);
  out.varint(way_.size());
  for (const model::Sha256& digest : way_) out.raw(digest);
  out.varint(floors_.size());
  for (const auto& [name, floor] : floors_) {
    out.text(name);
    out.varint(floor.version);
    out.raw(floor.digest);
    out.text(floor.kind);
    out.varint(floor.signers.size());
    for (const std::string& id : floor.signers) out.text(id);
  }
  out.patch_u32(0, base::crc32c(base::BytesView(bytes).subspan(4)));
  return bytes;
}

base::Result<Trust> Trust::restore(base::BytesView saved) {
  base::Reader in(saved);
  const std::uint32_t checksum = in.u32();
  if (!in.ok() || base::crc32c(saved.subspan(4)) != checksum) return damaged();
  if (in.u8() != layout) return fail(Code::corrupt, "read state of trust: a newer version wrote it");
  const std::string_view envelope = in.text();
  if (!in.ok()) return damaged();
  Trust trust = TRY(base::while_doing("read state of trust", begin(envelope)));
  trust.saw_time({in.svarint()});
  const std::uint64_t way = in.varint();
  if (way > max_way) return damaged();
  trust.way_.clear();
  for (std::uint64_t i = 0; i < way && in.ok(); ++i) {
    const base::BytesView digest = in.raw(std::tuple_size_v<model::Sha256>);
    if (in.ok()) std::ranges::copy(digest, trust.way_.emplace_back().begin());
  }
  const std::uint64_t count = in.varint();
  if (count > max_names) return damaged();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    const std::string name(in.text());
    Floor floor;
    floor.version = in.varint();
    const base::BytesView digest = in.raw(floor.digest.size());
    if (!in.ok() || !codec::artifact::is_artifact_name(name)) return damaged();
    std::ranges::copy(digest, floor.digest.begin());
    floor.kind = in.text();
    const std::uint64_t signers = in.varint();
    if (signers > max_signers) return damaged();
    for (std::uint64_t k = 0; k < signers && in.ok(); ++k) floor.signers.emplace_back(in.text());
    trust.floors_[name] = std::move(floor);
  }
  if (!in.ok() || !in.at_end()) return damaged();
  return trust;
}

}  // namespace selvedge::engine
