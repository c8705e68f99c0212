// General compressors on the bytes of a column, and codecs made for arrays of numbers.

#include <blosc.h>
#include <brotli/decode.h>
#include <brotli/encode.h>
#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <zfp.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>

#include "codec/codec.h"
#include "codec/zfp_stream.h"

namespace bench {
namespace {

using View = std::span<const std::uint8_t>;

struct Contexts {
  ZSTD_CCtx* compress = ZSTD_createCCtx();
  ZSTD_DCtx* decompress = ZSTD_createDCtx();
};
Contexts& contexts() {
  static Contexts both;
  return both;
}

char* chars(std::uint8_t* bytes) { return reinterpret_cast<char*>(bytes); }
const char* chars(const std::uint8_t* bytes) { return reinterpret_cast<const char*>(bytes); }

// `encode` fills memory of a given capacity and says how much it used, 0 if it cannot.
template <typename Encode, typename Decode>
void add_bytes(std::vector<Codec>& all, const std::string& name, bool slow, Encode encode, Decode decode) {
  all.push_back({name, "dfq", slow,
                 [encode](const std::uint8_t* in, std::size_t count, Kind kind, Bytes& out) {
                   const std::size_t bytes = count * size_of(kind);
                   out.resize(bytes + bytes / 2 + 65536);
                   const std::size_t used = encode(in, bytes, out.data(), out.size());
                   out.resize(used);
                   return used > 0;
                 },
                 [decode](View in, std::uint8_t* out, std::size_t count, Kind kind) {
                   return decode(in, out, count * size_of(kind));
                 }});
}

void add_blosc(std::vector<Codec>& all, const std::string& name, const char* inner, int level, int shuffle, bool slow) {
  all.push_back({name, "dfq", slow,
                 [=](const std::uint8_t* in, std::size_t count, Kind kind, Bytes& out) {
                   const std::size_t bytes = count * size_of(kind);
                   out.resize(bytes + 65536);
                   const int used = blosc_compress_ctx(level, shuffle, size_of(kind), bytes, in, out.data(), out.size(), inner, 0, 1);
                   out.resize(static_cast<std::size_t>(used > 0 ? used : 0));
                   return used > 0;
                 },
                 [](View in, std::uint8_t* out, std::size_t count, Kind kind) {
                   return blosc_decompress_ctx(in.data(), out, count * size_of(kind), 1) > 0;
                 }});
}

zfp_type type_of(Kind kind) {
  return kind == Kind::float64 ? zfp_type_double : kind == Kind::float32 ? zfp_type_float : zfp_type_int64;
}

}  // namespace

void add_compressors(std::vector<Codec>& all) {
  add_bytes(all, "memcpy", false,
            [](const std::uint8_t* in, std::size_t bytes, std::uint8_t* out, std::size_t) { std::memcpy(out, in, bytes); return bytes; },
            [](View in, std::uint8_t* out, std::size_t bytes) { std::memcpy(out, in.data(), bytes); return true; });
  for (const int level : {1, 3, 19})
    add_bytes(all, "zstd-" + std::to_string(level), level > 9,
              [level](const std::uint8_t* in, std::size_t bytes, std::uint8_t* out, std::size_t room) -> std::size_t {
                const std::size_t used = ZSTD_compressCCtx(contexts().compress, out, room, in, bytes, level);
                return ZSTD_isError(used) != 0 ? 0 : used;
              },
              [](View in, std::uint8_t* out, std::size_t bytes) {
                return ZSTD_decompressDCtx(contexts().decompress, out, bytes, in.data(), in.size()) == bytes;
              });
  add_bytes(all, "zlib-6", false,
            [](const std::uint8_t* in, std::size_t bytes, std::uint8_t* out, std::size_t room) -> std::size_t {
              uLongf used = room;
              return compress2(out, &used, in, bytes, 6) == Z_OK ? used : 0;
            },
            [](View in, std::uint8_t* out, std::size_t bytes) {
              uLongf got = bytes;
              return uncompress(out, &got, in.data(), in.size()) == Z_OK && got == bytes;
            });
  add_bytes(all, "xz-6", true,
            [](const std::uint8_t* in, std::size_t bytes, std::uint8_t* out, std::size_t room) -> std::size_t {
              std::size_t used = 0;
              return lzma_easy_buffer_encode(6, LZMA_CHECK_NONE, nullptr, in, bytes, out, &used, room) == LZMA_OK ? used : 0;
            },
            [](View in, std::uint8_t* out, std::size_t bytes) {
              std::uint64_t memory = UINT64_MAX;
              std::size_t from = 0, to = 0;
              return lzma_stream_buffer_decode(&memory, 0, nullptr, in.data(), &from, in.size(), out, &to, bytes) == LZMA_OK;
            });
  for (const int quality : {5, 11})
    add_bytes(all, "brotli-" + std::to_string(quality), quality > 9,
              [quality](const std::uint8_t* in, std::size_t bytes, std::uint8_t* out, std::size_t room) -> std::size_t {
                std::size_t used = room;
                return BrotliEncoderCompress(quality, 22, BROTLI_MODE_GENERIC, bytes, in, &used, out) ? used : 0;
              },
              [](View in, std::uint8_t* out, std::size_t bytes) {
                std::size_t got = bytes;
                return BrotliDecoderDecompress(in.size(), in.data(), &got, out) == BROTLI_DECODER_RESULT_SUCCESS;
              });
  add_bytes(all, "bzip2-9", true,
            [](const std::uint8_t* in, std::size_t bytes, std::uint8_t* out, std::size_t room) -> std::size_t {
              unsigned used = static_cast<unsigned>(room);
              auto* const from = chars(const_cast<std::uint8_t*>(in));
              return BZ2_bzBuffToBuffCompress(chars(out), &used, from, static_cast<unsigned>(bytes), 9, 0, 0) == BZ_OK ? used : 0;
            },
            [](View in, std::uint8_t* out, std::size_t bytes) {
              unsigned got = static_cast<unsigned>(bytes);
              auto* const from = chars(const_cast<std::uint8_t*>(in.data()));
              return BZ2_bzBuffToBuffDecompress(chars(out), &got, from, static_cast<unsigned>(in.size()), 0, 0) == BZ_OK;
            });
  add_bytes(all, "lz4", false,
            [](const std::uint8_t* in, std::size_t bytes, std::uint8_t* out, std::size_t room) {
              return static_cast<std::size_t>(LZ4_compress_default(chars(in), chars(out), static_cast<int>(bytes), static_cast<int>(room)));
            },
            [](View in, std::uint8_t* out, std::size_t bytes) {
              return LZ4_decompress_safe(chars(in.data()), chars(out), static_cast<int>(in.size()), static_cast<int>(bytes)) == static_cast<int>(bytes);
            });
  add_blosc(all, "blosc-shuf-lz4", "lz4", 5, BLOSC_SHUFFLE, false);
  add_blosc(all, "blosc-shuf-zstd5", "zstd", 5, BLOSC_SHUFFLE, false);
  add_blosc(all, "blosc-bitshuf-zstd5", "zstd", 5, BLOSC_BITSHUFFLE, false);
  all.push_back({"zfp-reversible", "dfq", false,
                 [](const std::uint8_t* in, std::size_t count, Kind kind, Bytes& out) {
                   out.resize(count * size_of(kind) * 2 + 65536);
                   out.resize(zfp_encode(in, count, type_of(kind), out, 0));
                   return !out.empty();
                 },
                 [](View in, std::uint8_t* out, std::size_t count, Kind kind) {
                   return zfp_decode(in, out, count, type_of(kind), 0);
                 }});
}

}  // namespace bench
