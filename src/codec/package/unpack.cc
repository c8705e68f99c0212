#include "codec/package/unpack.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace selvedge::codec {

using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t piece_bytes = 64 << 10;
constexpr int largest_window = 23;                 // of zstd; what level 19 uses
constexpr int gzip_window = 15 + 16;               // 32 KiB, and the frame of gzip

}  // namespace

struct Unpack::State {
  State(Packed h, Take t) : how(h), take(std::move(t)) {
    if (how == Packed::zstd) {
      zstd = ZSTD_createDCtx();
      CHECK(zstd != nullptr);
      ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax, largest_window);
    }
    if (how == Packed::gzip) CHECK(inflateInit2(&gzip, gzip_window) == Z_OK);
  }
  ~State() {
    ZSTD_freeDCtx(zstd);
    if (how == Packed::gzip) inflateEnd(&gzip);
  }
  State(const State&) = delete;

  Result<void> feed_zstd(BytesView bytes);
  Result<void> feed_gzip(BytesView bytes);

  Packed how;
  Take take;
  ZSTD_DCtx* zstd = nullptr;
  z_stream gzip{};
  bool within = false;                             // a frame that has begun
  std::array<std::uint8_t, piece_bytes> piece{};
};

Packed packed_as(BytesView head) {
  if (head.size() >= 2 && head[0] == 0x1f && head[1] == 0x8b) return Packed::gzip;
  if (head.size() >= 4 && head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd) return Packed::zstd;
  return Packed::plain;
}

Unpack::Unpack(Packed how, Take take) : state_(std::make_unique<State>(how, std::move(take))) {}
Unpack::~Unpack() = default;
Unpack::Unpack(Unpack&&) noexcept = default;

Result<void> Unpack::feed(BytesView bytes) {
  switch (state_->how) {
    case Packed::plain: return state_->take(bytes);
    case Packed::gzip: return state_->feed_gzip(bytes);
    case Packed::zstd: return state_->feed_zstd(bytes);
  }
  return {};
}

Result<void> Unpack::State::feed_zstd(BytesView bytes) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (;;) {
    ZSTD_outBuffer out{piece.data(), piece.size(), 0};
    const std::size_t outcome = ZSTD_decompressStream(zstd, &out, &in);
    if (ZSTD_isError(outcome) != 0) return fail(Code::corrupt, std::string("unpack: ") + ZSTD_getErrorName(outcome));
    within = outcome != 0;
    if (out.pos > 0) TRY(take(BytesView(piece).first(out.pos)));
    if (in.pos == in.size && out.pos < out.size) return {};
  }
}

// Several frames may follow one another.
Result<void> Unpack::State::feed_gzip(BytesView bytes) {
  gzip.next_in = const_cast<Bytef*>(bytes.data());
  gzip.avail_in = static_cast<uInt>(bytes.size());
  for (;;) {
    gzip.next_out = piece.data();
    gzip.avail_out = static_cast<uInt>(piece.size());
    const int outcome = inflate(&gzip, Z_NO_FLUSH);
    const std::size_t made = piece.size() - gzip.avail_out;
    if (outcome != Z_OK && outcome != Z_STREAM_END && outcome != Z_BUF_ERROR)
      return fail(Code::corrupt, std::string("unpack: ") + (gzip.msg != nullptr ? gzip.msg : "damaged"));
    within = outcome != Z_STREAM_END;
    if (made > 0) TRY(take(BytesView(piece).first(made)));
    if (outcome == Z_STREAM_END) {
      if (gzip.avail_in == 0) return {};
      inflateReset(&gzip);
      continue;
    }
    if (gzip.avail_in == 0 && gzip.avail_out > 0) return {};
    if (outcome == Z_BUF_ERROR) return {};
  }
}

Result<void> Unpack::end() {
  if (state_->within) return fail(Code::corrupt, "unpack: it ends too early");
  return {};
}

}  // namespace selvedge::codec
