#include "codec/series/compress.h"

#include <zstd.h>

#include <memory>

#include "base/result.h"

namespace selvedge::codec {
namespace {

constexpr std::size_t magic_bytes = 4;
constexpr std::uint8_t magic[magic_bytes] = {0x28, 0xB5, 0x2F, 0xFD};  // RFC 8878, 3.1.1
constexpr std::size_t worth_trying = 24;  // shorter sections never pay for zstd's own header

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

struct Packer {
  std::unique_ptr<ZSTD_CCtx, FreeContext> context{ZSTD_createCCtx()};
  base::Bytes scratch;

  Packer() {
    CHECK(context != nullptr);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, 3);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, 17);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_hashLog, 14);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_chainLog, 14);
  }

  // The packed bytes without the magic number, or nothing if that is no gain.
  base::BytesView pack(base::BytesView bytes) {
    if (bytes.size() < worth_trying) return {};
    const std::size_t bound = ZSTD_compressBound(bytes.size());
    if (scratch.size() < bound) scratch.resize(bound);
    const std::size_t size = ZSTD_compress2(context.get(), scratch.data(), scratch.size(),
                                            bytes.data(), bytes.size());
    if (ZSTD_isError(size) || size <= magic_bytes || size - magic_bytes + 3 >= bytes.size())
      return {};
    return base::BytesView(scratch).subspan(magic_bytes, size - magic_bytes);
  }
};

struct Unpacker {
  std::unique_ptr<ZSTD_DCtx, FreeContext> context{ZSTD_createDCtx()};
  base::Bytes scratch;

  Unpacker() { CHECK(context != nullptr); }

  bool unpack(base::BytesView packed, base::Bytes& into) {
    scratch.assign(magic, magic + magic_bytes);
    base::append(scratch, packed);
    const std::size_t size = ZSTD_decompressDCtx(context.get(), into.data(), into.size(),
                                                 scratch.data(), scratch.size());
    return !ZSTD_isError(size) && size == into.size();
  }
};

}  // namespace

void put_section(base::Writer& out, base::BytesView bytes) {
  static thread_local Packer packer;
  const base::BytesView packed = packer.pack(bytes);
  const std::uint64_t size = bytes.size();
  if (packed.empty()) {
    out.varint(size << 1);
    out.raw(bytes);
  } else {
    out.varint((size << 1) | 1);
    out.bytes(packed);
  }
}

bool take_section(base::Reader& in, std::size_t limit, base::Bytes& into) {
  static thread_local Unpacker unpacker;
  const std::uint64_t head = in.varint();
  const std::uint64_t size = head >> 1;
  if (!in.ok() || size > limit) return false;
  if (!(head & 1)) {
    if (size > in.remaining()) return false;
    const base::BytesView bytes = in.raw(static_cast<std::size_t>(size));
    into.assign(bytes.begin(), bytes.end());
    return true;
  }
  const base::BytesView packed = in.bytes();
  if (!in.ok()) return false;
  into.resize(static_cast<std::size_t>(size));
  return unpacker.unpack(packed, into);
}

}  // namespace selvedge::codec
