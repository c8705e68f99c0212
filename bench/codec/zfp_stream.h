// One block through zfp: reversible when the bound is 0, else within an absolute bound.

#pragma once

#include <zfp.h>

#include "codec/codec.h"

namespace bench {

// `room` is big enough; says how many bytes of it were used, 0 if none.
inline std::size_t zfp_encode(const void* in, std::size_t count, zfp_type type, Bytes& room, double bound) {
  zfp_field* const field = zfp_field_1d(const_cast<void*>(in), type, count);
  zfp_stream* const stream = zfp_stream_open(nullptr);
  bound > 0 ? static_cast<void>(zfp_stream_set_accuracy(stream, bound)) : zfp_stream_set_reversible(stream);
  bitstream* const bits = stream_open(room.data(), room.size());
  zfp_stream_set_bit_stream(stream, bits);
  const std::size_t used = zfp_compress(stream, field);
  zfp_field_free(field);
  zfp_stream_close(stream);
  stream_close(bits);
  return used;
}

inline bool zfp_decode(std::span<const std::uint8_t> in, void* out, std::size_t count, zfp_type type, double bound) {
  zfp_field* const field = zfp_field_1d(out, type, count);
  zfp_stream* const stream = zfp_stream_open(nullptr);
  bound > 0 ? static_cast<void>(zfp_stream_set_accuracy(stream, bound)) : zfp_stream_set_reversible(stream);
  bitstream* const bits = stream_open(const_cast<std::uint8_t*>(in.data()), in.size());
  zfp_stream_set_bit_stream(stream, bits);
  const bool good = zfp_decompress(stream, field) != 0;
  zfp_field_free(field);
  zfp_stream_close(stream);
  stream_close(bits);
  return good;
}

}  // namespace bench
