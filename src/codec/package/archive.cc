#include "codec/package/archive.h"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "codec/package/tar.h"

namespace selvedge::codec {

using base::Bytes;
using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

// What any file may claim, and how many bytes each of its own may stand for beyond that. Weights pack
// 1.2 to 4 times; only zeros pack a thousand times.
constexpr std::size_t free_claim = std::size_t{1} << 20, most_ratio = 1'000;
// The memory of a frame that does not say its size: what level 19 uses, or more for larger files.
constexpr int usual_window = 23, largest_window = 27;

// Levels above 19 take twice the memory, and pack weights no smaller.
constexpr int quick_level = 9, smallest_level = 19;

using Unpacker = std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)>;
using Packer = std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>;

std::unexpected<base::Error> damaged(std::size_t outcome) {
  return fail(Code::corrupt, std::string("unpack: ") + ZSTD_getErrorName(outcome));
}

std::unexpected<base::Error> too_large(std::size_t most) {
  return fail(Code::exhausted, "unpack: more than " + std::to_string(most) + " bytes come out");
}

Result<Bytes> unpack_known(BytesView file, std::size_t size) {
  Bytes out(size);
  const std::size_t outcome = ZSTD_decompress(out.data(), out.size(), file.data(), file.size());
  if (ZSTD_isError(outcome) != 0) return damaged(outcome);
  if (outcome != size) return fail(Code::corrupt, "unpack: fewer bytes than stated");
  return out;
}

Result<Bytes> unpack_stream(BytesView file, std::size_t most) {
  const Unpacker unpacker(ZSTD_createDCtx(), ZSTD_freeDCtx);
  CHECK(unpacker);
  const int by_size = static_cast<int>(std::bit_width(file.size() * 64));
  ZSTD_DCtx_setParameter(unpacker.get(), ZSTD_d_windowLogMax, std::clamp(by_size, usual_window, largest_window));
  Bytes out;
  ZSTD_inBuffer in{file.data(), file.size(), 0};
  std::vector<std::uint8_t> piece(ZSTD_DStreamOutSize());
  for (;;) {
    ZSTD_outBuffer to{piece.data(), piece.size(), 0};
    const std::size_t outcome = ZSTD_decompressStream(unpacker.get(), &to, &in);
    if (ZSTD_isError(outcome) != 0) return damaged(outcome);
    if (out.size() + to.pos > most) return too_large(most);
    base::append(out, BytesView(piece).first(to.pos));
    if (outcome == 0) return out;
    if (in.pos == in.size && to.pos < to.size) return fail(Code::corrupt, "unpack: the file ends too early");
  }
}

Result<Bytes> unpack(BytesView file, std::size_t most) {
  if (!looks_packed(file)) return fail(Code::invalid_input, "not packed with zstd");
  const std::size_t frame = ZSTD_findFrameCompressedSize(file.data(), file.size());
  if (ZSTD_isError(frame) != 0) return damaged(frame);
  if (frame != file.size()) return fail(Code::corrupt, "unpack: bytes follow after the end");
  const std::size_t claim = std::min(most, free_claim + file.size() * most_ratio);
  const unsigned long long size = ZSTD_getFrameContentSize(file.data(), file.size());
  if (size == ZSTD_CONTENTSIZE_ERROR) return fail(Code::corrupt, "unpack: no readable header");
  if (size == ZSTD_CONTENTSIZE_UNKNOWN) return unpack_stream(file, claim);
  if (size > claim) return too_large(claim);
  return unpack_known(file, static_cast<std::size_t>(size));
}

}  // namespace

bool looks_packed(BytesView file) {
  constexpr std::array<std::uint8_t, 4> magic{0x28, 0xb5, 0x2f, 0xfd};
  return file.size() >= magic.size() && std::ranges::equal(file.first(magic.size()), magic);
}

Result<std::vector<ArchiveMember>> read_archive(BytesView file, const ArchiveLimits& limits) {
  const Bytes tar = TRY(unpack(file, limits.unpacked));
  return read_tar(tar, limits.members);
}

Result<Bytes> write_archive(const std::vector<ArchiveMember>& members, Packing packing) {
  const Bytes tar = TRY(write_tar(members));
  const Packer packer(ZSTD_createCCtx(), ZSTD_freeCCtx);
  CHECK(packer);
  ZSTD_CCtx_setParameter(packer.get(), ZSTD_c_compressionLevel, packing == Packing::smallest ? smallest_level : quick_level);
  ZSTD_CCtx_setParameter(packer.get(), ZSTD_c_checksumFlag, 1);
  Bytes out(ZSTD_compressBound(tar.size()));
  const std::size_t used = ZSTD_compress2(packer.get(), out.data(), out.size(), tar.data(), tar.size());
  if (ZSTD_isError(used) != 0) return fail(Code::internal, std::string("pack: ") + ZSTD_getErrorName(used));
  out.resize(used);
  return out;
}

}  // namespace selvedge::codec
