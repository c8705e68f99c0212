#include "store/journal_record.h"

#include <bit>
#include <cstring>

#include "base/wire.h"

namespace selvedge::store {
namespace {

using model::Kind;

constexpr std::uint8_t has_key = 1, has_moment = 2, is_derived = 4;
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

void put_message(base::Bytes& out, std::uint64_t key, const MessageNote& note,
                 const std::vector<Staged>& readings, std::string_view text) {
  out.resize(19 + readings.size() * largest_entry + text.size());
  std::uint8_t* at = out.data();
  *at++ = static_cast<std::uint8_t>((key != 0 ? has_key : 0) | (note.at ? has_moment : 0) |
                                    (note.derived ? is_derived : 0));
  if (key != 0) {
    std::memcpy(at, &key, sizeof key);
    at += sizeof key;
  }
  if (note.at) at = put_varint(at, base::zigzag(note.at->ns));
  std::int64_t series = 0;
  std::uint64_t time = 0;
  for (const Staged& r : readings) {
    std::uint64_t head = base::zigzag(r.series - series) << 2 | static_cast<unsigned>(r.kind);
    if (note.at) head = head << 2 | (r.journal_only ? 2U : 0U) | (r.followed ? 1U : 0U);
    at = put_varint(at, head);
    const auto now = static_cast<std::uint64_t>(r.time);
    at = put_varint(at, base::zigzag(static_cast<std::int64_t>(now - time)));
    at = put_value(at, r, text);
    series = r.series;
    time = now;
  }
  out.resize(static_cast<std::size_t>(at - out.data()));
}

model::ValueView view_of(const Staged& reading, std::string_view text) {
  switch (reading.kind) {
    case Kind::float64: return model::ValueView::of(std::bit_cast<double>(reading.bits));
    case Kind::int64: return model::ValueView::of(static_cast<std::int64_t>(reading.bits));
    case Kind::boolean: return model::ValueView::of(reading.bits != 0);
    case Kind::text: break;
  }
  return model::ValueView::of(text);
}

base::Result<void> take_message(
    base::BytesView payload, std::uint64_t& key, MessageNote& note,
    const std::function<void(const Staged&, std::string_view text)>& reading) {
  const auto damaged = [] { return base::fail(base::Code::corrupt, "read a damaged message"); };
  base::Reader in(payload);
  const std::uint8_t flags = in.u8();
  key = flags & has_key ? in.u64() : 0;
  note = {};
  if (flags & has_moment) note.at = base::Time{in.svarint()};
  note.derived = flags & is_derived;
  std::int64_t series = 0;
  std::uint64_t time = 0;
  while (in.ok() && !in.at_end()) {
    Staged r;
    std::uint64_t head = in.varint();
    if (note.at) {
      r.journal_only = head & 2;
      r.followed = head & 1;
      head >>= 2;
    }
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
