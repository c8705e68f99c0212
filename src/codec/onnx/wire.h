// Wire: the Protocol Buffers wire format, as far as ONNX needs it.
//
// A FieldReader gives one field of a message after the other and never looks past its bytes; groups
// (obsolete, not in ONNX) are refused. Writing is done twice by the same code: once into a Counter that
// tells a message's length, once into an Output.
//
// Source: protobuf.dev/programming-guides/encoding.

#pragma once

#include <bit>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec::onnx {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct Field {
  std::uint32_t number = 0;
  WireType type = WireType::varint;
  std::uint64_t value = 0;                         // of a varint, fixed64, fixed32
  base::BytesView bytes;                           // of WireType::bytes

  std::int64_t integer() const { return static_cast<std::int64_t>(value); }
  float real() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value)); }
  std::string text() const { return std::string(base::as_text(bytes)); }
};

class FieldReader {
 public:
  explicit FieldReader(base::BytesView message) : rest_(message) {}

  // Nothing at the end of the message.
  base::Result<std::optional<Field>> next();
  base::Result<std::uint64_t> varint();
  bool at_end() const { return rest_.empty(); }

 private:
  base::Result<base::BytesView> take(std::uint64_t count);

  base::BytesView rest_;
};

class Counter {
 public:
  void put(base::BytesView bytes) { size_ += bytes.size(); }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

class Output {
 public:
  explicit Output(base::Bytes& out) : out_(&out) {}
  void put(base::BytesView bytes) { base::append(*out_, bytes); }

 private:
  base::Bytes* out_;
};

template <typename Sink>
void put_varint(Sink& sink, std::uint64_t value) {
  std::uint8_t bytes[10];
  std::size_t size = 0;
  for (; value >= 0x80; value >>= 7) bytes[size++] = static_cast<std::uint8_t>(value | 0x80);
  bytes[size++] = static_cast<std::uint8_t>(value);
  sink.put({bytes, size});
}

template <typename Sink>
void put_tag(Sink& sink, std::uint32_t number, WireType type) {
  put_varint(sink, std::uint64_t{number} << 3 | static_cast<std::uint8_t>(type));
}

template <typename Sink>
void put_integer(Sink& sink, std::uint32_t number, std::int64_t value) {
  put_tag(sink, number, WireType::varint);
  put_varint(sink, static_cast<std::uint64_t>(value));
}

template <typename Sink>
void put_real(Sink& sink, std::uint32_t number, float value) {
  put_tag(sink, number, WireType::fixed32);
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint8_t bytes[4] = {
      static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(bits >> 8),
      static_cast<std::uint8_t>(bits >> 16), static_cast<std::uint8_t>(bits >> 24)};
  sink.put(bytes);
}

template <typename Sink>
void put_bytes(Sink& sink, std::uint32_t number, base::BytesView bytes) {
  put_tag(sink, number, WireType::bytes);
  put_varint(sink, bytes.size());
  sink.put(bytes);
}

template <typename Sink>
void put_text(Sink& sink, std::uint32_t number, std::string_view text) {
  put_bytes(sink, number, base::as_bytes(text));
}

// `body` is called with a sink, twice.
template <typename Sink, typename Body>
void put_message(Sink& sink, std::uint32_t number, const Body& body) {
  Counter counter;
  body(counter);
  put_tag(sink, number, WireType::bytes);
  put_varint(sink, counter.size());
  body(sink);
}

}  // namespace selvedge::codec::onnx
