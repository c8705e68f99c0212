// Wire: bounded reading and writing of our own binary formats.
//
// Little-endian fixed integers, LEB128 varints, zigzag for signed ones, length-prefixed bytes. A
// Reader never reads past its end: after the first failure every further read yields zero or
// empty, and ok() is false, so that a decoder can read a whole header and ask once.

#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace selvedge::base {

inline std::uint64_t zigzag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
inline std::int64_t unzigzag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

class Writer {
 public:
  explicit Writer(Bytes& out) : out_(&out) {}

  void u8(std::uint8_t v) { out_->push_back(v); }
  void u16(std::uint16_t v) { fixed(v); }
  void u32(std::uint32_t v) { fixed(v); }
  void u64(std::uint64_t v) { fixed(v); }
  void f64(double v) { fixed(v); }
  void varint(std::uint64_t v) {
    while (v >= 0x80) {
      out_->push_back(static_cast<std::uint8_t>(v | 0x80));
      v >>= 7;
    }
    out_->push_back(static_cast<std::uint8_t>(v));
  }
  void svarint(std::int64_t v) { varint(zigzag(v)); }
  void raw(BytesView bytes) { append(*out_, bytes); }
  void bytes(BytesView bytes) {
    varint(bytes.size());
    raw(bytes);
  }
  void text(std::string_view text) { bytes(as_bytes(text)); }

  // Overwrites four bytes written before, for a length or checksum known only afterwards.
  void patch_u32(std::size_t at, std::uint32_t v) { std::memcpy(out_->data() + at, &v, sizeof v); }
  std::size_t size() const { return out_->size(); }

 private:
  template <typename T>
  void fixed(T v) {
    const std::size_t at = out_->size();
    out_->resize(at + sizeof v);
    std::memcpy(out_->data() + at, &v, sizeof v);
  }

  Bytes* out_;
};

class Reader {
 public:
  explicit Reader(BytesView in) : at_(in.data()), end_(in.data() + in.size()) {}

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint16_t u16() { return fixed<std::uint16_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  double f64() { return fixed<double>(); }
  std::uint64_t varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ == end_) break;
      const std::uint8_t byte = *at_++;
      if (shift == 63 && byte > 1) break;
      v |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (!(byte & 0x80)) return v;
    }
    broken();
    return 0;
  }
  std::int64_t svarint() { return unzigzag(varint()); }
  BytesView raw(std::size_t count) {
    if (count > remaining()) {
      broken();
      return {};
    }
    const BytesView view(at_, count);
    at_ += count;
    return view;
  }
  BytesView bytes() {
    const std::uint64_t count = varint();
    if (count > remaining()) {
      broken();
      return {};
    }
    return raw(static_cast<std::size_t>(count));
  }
  std::string_view text() { return as_text(bytes()); }
  BytesView rest() { return raw(remaining()); }

  bool ok() const { return ok_; }
  bool at_end() const { return at_ == end_; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }

 private:
  template <typename T>
  T fixed() {
    T v{};
    if (sizeof v > remaining()) {
      broken();
      return v;
    }
    std::memcpy(&v, at_, sizeof v);
    at_ += sizeof v;
    return v;
  }
  void broken() {
    ok_ = false;
    at_ = end_;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

}  // namespace selvedge::base
