// Selvedge's codecs: value columns and clocks by themselves, as codec/numbers makes them, and whole
// frames with header, checksum and aggregates.

#include <algorithm>
#include <cstring>
#include <memory>

#include "codec/codec.h"
#include "codec/numbers/carried.h"
#include "codec/numbers/clock.h"
#include "codec/numbers/values.h"
#include "codec/series/frame.h"

namespace bench {
namespace {

using selvedge::base::Reader;
using selvedge::base::Writer;
using selvedge::codec::Effort;

constexpr std::int64_t units[] = {1, 1'000, 1'000'000, 1'000'000'000};

// A clock with what a frame's header says of it: unit, first time and span.
void encode_clock(const std::uint8_t* in, std::size_t count, Bytes& out, Effort effort) {
  static thread_local std::vector<std::int64_t> times;
  times.resize(count);
  std::memcpy(times.data(), in, count * 8);
  for (std::int64_t& time : times) time *= 1'000'000;
  const bool ascending = std::is_sorted(times.begin(), times.end());
  unsigned unit = 3;
  while (times.front() % units[unit] != 0 || times.back() % units[unit] != 0) --unit;
  Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(unit | (ascending ? 0U : 4U)));
  if (!ascending) return selvedge::codec::put_int64s(writer, times, effort);
  writer.svarint(times.front() / units[unit]);
  writer.varint(static_cast<std::uint64_t>((times.back() - times.front()) / units[unit]));
  selvedge::codec::put_clock(writer, times);
}

bool decode_clock(Reader& in, std::uint8_t* out, std::size_t count, Effort effort) {
  static thread_local std::vector<std::int64_t> times;
  times.resize(count);
  const unsigned flags = in.u8();
  if ((flags & 4) != 0) {
    if (!selvedge::codec::take_int64s(in, effort, times)) return false;
  } else {
    const std::int64_t first = in.svarint() * units[flags & 3];
    const auto span = static_cast<std::int64_t>(in.varint()) * units[flags & 3];
    if (!in.ok() || !selvedge::codec::take_clock(in, first, first + span, times)) return false;
  }
  for (std::int64_t& time : times) time /= 1'000'000;
  std::memcpy(out, times.data(), count * 8);
  return true;
}

bool encode(const std::uint8_t* in, std::size_t count, Kind kind, Bytes& out, Effort effort) {
  out.clear();
  if (kind == Kind::clock) {
    encode_clock(in, count, out, effort);
    return true;
  }
  Writer writer(out);
  if (kind == Kind::float64) {
    selvedge::codec::put_doubles(writer, {reinterpret_cast<const double*>(in), count}, effort);
    return true;
  }
  static thread_local std::vector<double> widened;
  const auto* const floats = reinterpret_cast<const float*>(in);
  widened.assign(floats, floats + count);
  selvedge::codec::put_doubles(writer, widened, effort);
  return true;
}

bool decode(std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count, Kind kind, Effort effort) {
  Reader reader(in);
  if (kind == Kind::clock) return decode_clock(reader, out, count, effort);
  if (kind == Kind::float64)
    return selvedge::codec::take_doubles(reader, effort, {reinterpret_cast<double*>(out), count});
  static thread_local std::vector<double> widened;
  widened.resize(count);
  if (!selvedge::codec::take_doubles(reader, effort, widened)) return false;
  auto* const floats = reinterpret_cast<float*>(out);
  for (std::size_t i = 0; i < count; ++i) floats[i] = static_cast<float>(widened[i]);
  return true;
}

// `in`: the times of the block in ns, then its values.
bool encode_whole(const std::uint8_t* in, std::size_t count, Bytes& out, Effort effort) {
  static thread_local selvedge::codec::Columns columns;
  columns.clear();
  columns.kind = selvedge::model::Kind::float64;
  const auto* const times = reinterpret_cast<const std::int64_t*>(in);
  const auto* const values = reinterpret_cast<const double*>(in + count * 8);
  columns.times.assign(times, times + count);
  columns.float64.assign(values, values + count);
  out.clear();
  return selvedge::codec::encode_frame(columns, out, {.effort = effort, .bound = {}}).has_value();
}

bool decode_whole(std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count) {
  static thread_local selvedge::codec::Columns columns;
  if (!selvedge::codec::decode_frame(in, columns) || columns.size() != count) return false;
  std::memcpy(out, columns.times.data(), count * 8);
  std::memcpy(out + count * 8, columns.float64.data(), count * 8);
  return true;
}

// Batches that begin with what those before have taught, and the key that a reader holds.
struct Carried {
  std::unique_ptr<selvedge::codec::CarriedEncoder> encoder;
  selvedge::codec::KeyPtr key;
};

void add_carried(std::vector<Codec>& all) {
  const auto carried = std::make_shared<Carried>();
  Codec codec{"selvedge-carried", "d", false,
              [carried](const std::uint8_t* in, std::size_t count, Kind, Bytes& out) {
                out.clear();
                Writer writer(out);
                carried->encoder->put(writer, {reinterpret_cast<const double*>(in), count});
                return true;
              },
              [carried](std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count, Kind) {
                if (auto key = selvedge::codec::read_key(in)) carried->key = std::move(key);
                return selvedge::codec::take_batch(in, carried->key.get(), {reinterpret_cast<double*>(out), count});
              }};
  codec.begin = [carried] {
    carried->encoder = std::make_unique<selvedge::codec::CarriedEncoder>();
    carried->key = nullptr;
  };
  all.push_back(std::move(codec));
}

}  // namespace

void add_ours(std::vector<Codec>& all) {
  add_carried(all);
  for (const Effort effort : {Effort::dense, Effort::fast}) {
    const std::string name = effort == Effort::dense ? "selvedge-dense" : "selvedge-fast";
    all.push_back({name, "dfq", false,
                   [effort](const std::uint8_t* in, std::size_t count, Kind kind, Bytes& out) {
                     return encode(in, count, kind, out, effort);
                   },
                   [effort](std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count, Kind kind) {
                     return decode(in, out, count, kind, effort);
                   }});
    all.push_back({name + "-frame", "r", false,
                   [effort](const std::uint8_t* in, std::size_t count, Kind, Bytes& out) {
                     return encode_whole(in, count, out, effort);
                   },
                   [](std::span<const std::uint8_t> in, std::uint8_t* out, std::size_t count, Kind) {
                     return decode_whole(in, out, count);
                   }});
  }
}

}  // namespace bench
