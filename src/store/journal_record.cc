#include "store/journal_record.h"

#include <cstring>

#include "base/wire.h"

namespace selvedge::store {
namespace {

using model::Kind;

constexpr std::uint8_t has_key = 1;
constexpr std::size_t largest_entry = 32;  // without text

std::uint8_t* put_varint(std::uint8_t* at, std::uint64_t v) {
  while (v >= 0x80) {
    *at++ = static_cast<std::uint8_t>(v | 0x80);
    v >>= 7;
  }
  *at++ = static_cast<std::uint8_t>(v);
  return at;
}

std::uint8_t* put_value(std::uint8_t* at, const Staged& r, std::string_view text) {
  switch (r.kind) {
    case Kind::float64: std::memcpy(at, &r.bits, sizeof r.bits); return at + sizeof r.bits;
    case Kind::int64: return put_varint(at, base::zigzag(static_cast<std::int64_t>(r.bits)));
    case Kind::boolean: *at = static_cast<std::uint8_t>(r.bits); return at + 1;
    case Kind::text: break;
  }
  at = put_varint(at, r.bits);
  if (r.bits > 0) std::memcpy(at, text.data() + r.text_at, static_cast<std::size_t>(r.bits));
  return at + r.bits;
}

}  // namespace

void put_message(base::Bytes& out, std::uint64_t key, const std::vector<Staged>& readings,
                 std::string_view text) {
  out.resize(9 + readings.size() * largest_entry + text.size());
  std::uint8_t* at = out.data();
  *at++ = key != 0 ? has_key : 0;
  if (key != 0) {
    std::memcpy(at, &key, sizeof key);
    at += sizeof key;
  }
  std::int64_t series = 0;
  std::uint64_t time = 0;
  for (const Staged& r : readings) {
    at = put_varint(at, base::zigzag(r.series - series) << 2 | static_cast<unsigned>(r.kind));
    const auto now = static_cast<std::uint64_t>(r.time);
    at = put_varint(at, base::zigzag(static_cast<std::int64_t>(now - time)));
    at = put_value(at, r, text);
    series = r.series;
    time = now;
  }
  out.resize(static_cast<std::size_t>(at - out.data()));
}

base::Result<void> take_message(
    base::BytesView payload, std::uint64_t& key,
    const std::function<void(const Staged&, std::string_view text)>& reading) {
  const auto damaged = [] { return base::fail(base::Code::corrupt, "read a damaged message"); };
  base::Reader in(payload);
  const std::uint8_t flags = in.u8();
  key = flags & has_key ? in.u64() : 0;
  std::int64_t series = 0;
  std::uint64_t time = 0;
  while (in.ok() && !in.at_end()) {
    Staged r;
    const std::uint64_t head = in.varint();
    r.kind = static_cast<Kind>(head & 3);
    series += base::unzigzag(head >> 2);
    time += static_cast<std::uint64_t>(in.svarint());
    std::string_view text;
    switch (r.kind) {
      case Kind::float64: r.bits = in.u64(); break;
      case Kind::int64: r.bits = static_cast<std::uint64_t>(in.svarint()); break;
      case Kind::boolean: r.bits = in.u8(); break;
      case Kind::text:
        text = in.text();
        r.bits = text.size();
        break;
    }
    if (!in.ok() || series <= 0 || series > UINT32_MAX) return damaged();
    r.series = static_cast<std::uint32_t>(series);
    r.time = static_cast<std::int64_t>(time);
    reading(r, text);
  }
  if (!in.ok()) return damaged();
  return {};
}

}  // namespace selvedge::store
