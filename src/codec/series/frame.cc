#include "codec/series/frame.h"

#include "base/crc32c.h"
#include "codec/numbers/clock.h"
#include "codec/numbers/fast.h"
#include "codec/numbers/values.h"
#include "codec/series/columns.h"
#include "codec/series/header.h"
#include "codec/series/integers.h"
#include "codec/series/sealed.h"
#include "codec/series/value_columns.h"

namespace selvedge::codec {
namespace {

using base::Code;

constexpr std::uint8_t version = 1;
constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t fewest_dense_readings = 32;

bool in_time_order(const std::vector<std::int64_t>& times) {
  return std::is_sorted(times.begin(), times.end());
}

bool has_constant_step(const std::vector<std::int64_t>& times) {
  if (times.size() < 2) return true;
  // Sorted times: differences fit an unsigned 64-bit number.
  const auto at = [&](std::size_t i) { return static_cast<std::uint64_t>(times[i]); };
  const std::uint64_t step = at(1) - at(0);
  for (std::size_t i = 2; i < times.size(); ++i)
    if (at(i) - at(i - 1) != step) return false;
  return true;
}

// Chooses unit and codec of the times; appends their column.
void put_times(base::Writer& out, const std::vector<std::int64_t>& times, Effort effort, Header& header) {
  unsigned unit = coarsest_unit(times.front(), 3);
  if (has_constant_step(times)) {
    // The last time must be a multiple too, and then the step need not be.
    header.time_unit = coarsest_unit(times.back(), unit);
    header.time_codec = TimeCodec::constant_step;
    return;
  }
  if (effort == Effort::fast) {
    for (const std::int64_t time : times) unit = coarsest_unit(time, unit);
    header.time_unit = unit;
    header.time_codec = TimeCodec::fast_offsets;
    static thread_local std::vector<std::int64_t> offsets;
    offsets.resize(times.size());
    const auto first = static_cast<std::uint64_t>(times.front());
    const auto divisor = static_cast<std::uint64_t>(time_units[unit]);
    for (std::size_t i = 0; i < times.size(); ++i)
      offsets[i] = static_cast<std::int64_t>((static_cast<std::uint64_t>(times[i]) - first) / divisor);
    return put_fast(out, offsets);
  }
  // First and last are kept exactly; the clock finds the unit of those between.
  header.time_unit = coarsest_unit(times.back(), unit);
  header.time_codec = TimeCodec::clock;
  put_clock(out, times);
}

base::Result<void> take_times(base::BytesView bytes, const Header& h, std::vector<std::int64_t>& out) {
  const std::size_t count = h.summary.count;
  const auto first = static_cast<std::uint64_t>(h.summary.first_time.ns);
  const std::uint64_t span = static_cast<std::uint64_t>(h.summary.last_time.ns) - first;
  if (h.time_codec == TimeCodec::constant_step) {
    const std::uint64_t steps = count - 1;
    if (!bytes.empty() || (steps > 0 && span % steps != 0))
      return base::fail(Code::corrupt, "damaged times in a frame");
    const std::uint64_t step = steps > 0 ? span / steps : 0;
    out.resize(count);
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::int64_t>(first + step * i);
    return {};
  }
  if (h.time_codec == TimeCodec::clock) {
    base::Reader in(bytes);
    out.resize(count);
    if (!take_clock(in, h.summary.first_time.ns, h.summary.last_time.ns, out) || !in.at_end())
      return base::fail(Code::corrupt, "damaged times in a frame");
    return {};
  }
  if (h.time_codec != TimeCodec::offsets && h.time_codec != TimeCodec::fast_offsets)
    return base::fail(Code::corrupt, "unknown coding of times in a frame; a newer version made it");
  base::Reader in(bytes);
  out.resize(count);
  const bool taken = h.time_codec == TimeCodec::offsets ? take_integers(in, count, out) : take_fast(in, out);
  if (!taken || !in.at_end()) return base::fail(Code::corrupt, "damaged times in a frame");
  const auto unit = static_cast<std::uint64_t>(time_units[h.time_unit]);
  const std::uint64_t last = span / unit;
  std::uint64_t before = 0;
  bool ordered = out.front() == 0 && static_cast<std::uint64_t>(out.back()) == last;
  for (std::int64_t& t : out) {
    const auto offset = static_cast<std::uint64_t>(t);
    ordered &= offset >= before && offset <= last;
    before = offset;
    t = static_cast<std::int64_t>(first + offset * unit);
  }
  if (!ordered) return base::fail(Code::corrupt, "times out of order in a frame");
  return {};
}

base::Result<void> fill_same(const model::BlockSummary& s, Columns& columns) {
  if (s.kind == model::Kind::float64) {
    columns.float64.assign(s.count, s.first);
    return {};
  }
  const bool whole = s.first >= -0x1p53 && s.first <= 0x1p53;  // false for NaN
  const auto value = whole ? static_cast<std::int64_t>(s.first) : 0;
  if (s.kind == model::Kind::text || !whole || (s.kind == model::Kind::boolean && value >> 1 != 0))
    return base::fail(Code::corrupt, "damaged values in a frame");
  columns.int64.assign(s.count, value);
  return {};
}

}  // namespace

void put_frame(base::Bytes& out, std::initializer_list<base::BytesView> parts) {
  std::size_t length = 0;
  for (const base::BytesView part : parts) length += part.size();
  const std::size_t start = out.size();
  base::Writer writer(out);
  writer.u32(0);
  writer.u8(version);
  writer.varint(length);
  for (const base::BytesView part : parts) writer.raw(part);
  writer.patch_u32(start, base::crc32c(base::BytesView(out).subspan(start + checksum_bytes)));
}

base::Result<Header> open_frame(base::BytesView frame, base::Reader& in) {
  if (frame.size() > max_frame_bytes) return base::fail(Code::corrupt, "a frame is too long");
  in = base::Reader(frame);
  const std::uint32_t checksum = in.u32();
  const std::uint8_t made_by = in.u8();
  const std::uint64_t length = in.varint();
  if (!in.ok() || length != in.remaining())
    return base::fail(Code::corrupt, "a frame's length does not fit");
  if (base::crc32c(frame.subspan(checksum_bytes)) != checksum)
    return base::fail(Code::corrupt, "a frame's checksum does not fit");
  if (made_by != version)
    return base::fail(Code::corrupt, "unknown version " + std::to_string(made_by) + " of a frame");
  return take_header(in);
}

base::Result<model::BlockSummary> encode_frame(const Columns& given, base::Bytes& out,
                                               const EncodeOptions& options) {
  TRY(check_columns(given));
  static thread_local Columns arranged;
  static thread_local Numbers numbers;
  static thread_local base::Bytes times, values, header_bytes;
  const bool ordered = in_time_order(given.times);
  if (!ordered) sort_by_time(given, arranged);
  const Columns* columns = ordered ? &given : &arranged;
  bool same = all_same(*columns);
  // What little there is to gain in a handful of readings is not worth looking for.
  const Effort effort = columns->size() < fewest_dense_readings ? Effort::fast : options.effort;
  if (columns->kind == model::Kind::float64 && !same) {
    fit(columns->float64, effort, options.bound, numbers);
    if (!options.bound.exact()) {
      // From here on the values are what a reader will get, and the header speaks of those.
      if (ordered) arranged = given;
      values_of(numbers, arranged.float64);
      columns = &arranged;
      same = all_same(arranged);
    }
  }

  Header header;
  summarize(*columns, header.summary);
  times.clear();
  values.clear();
  header_bytes.clear();
  base::Writer time_writer(times), value_writer(values), header_writer(header_bytes);
  put_times(time_writer, columns->times, effort, header);
  const ValueCodec codec =
      same ? ValueCodec::same : put_values(value_writer, *columns, numbers, effort);
  header.summary.codec = static_cast<std::uint8_t>(codec);
  put_header(header_writer, header);
  header_writer.varint(times.size());

  const std::size_t length = header_bytes.size() + times.size() + values.size();
  if (length + 16 > max_frame_bytes)
    return base::fail(Code::invalid_input, "encode readings: the texts are too long for one block");
  put_frame(out, {header_bytes, times, values});
  return header.summary;
}

base::Result<model::BlockSummary> read_summary(base::BytesView frame) {
  base::Reader in({});
  const Header header = TRY(open_frame(frame, in));
  return header.summary;
}

namespace {

enum class Part : std::uint8_t { times, values, both };

base::Result<model::BlockSummary> decode(base::BytesView frame, Part part, Columns& columns) {
  columns.clear();
  base::Reader in({});
  const Header header = TRY(open_frame(frame, in));
  const model::BlockSummary& s = header.summary;
  if (is_sealed(s)) return base::fail(Code::denied, "the block is sealed; only a recipient's key opens it");
  columns.kind = s.kind;
  const base::BytesView times = in.bytes();
  if (!in.ok()) return base::fail(Code::corrupt, "a frame is cut short");
  if (part != Part::values) TRY(take_times(times, header, columns.times));
  if (part == Part::times) return s;
  const auto codec = static_cast<ValueCodec>(s.codec);
  if (codec == ValueCodec::same)
    TRY(fill_same(s, columns));
  else if (codec > last_value_codec)
    return base::fail(Code::corrupt, "unknown coding of values in a frame; a newer version made it");
  else if (!take_values(in, codec, s.count, columns))
    return base::fail(Code::corrupt, "damaged values in a frame");
  if (!in.at_end()) return base::fail(Code::corrupt, "a frame has bytes left over");
  return s;
}

}  // namespace

base::Result<model::BlockSummary> decode_frame(base::BytesView frame, Columns& columns) {
  return decode(frame, Part::both, columns);
}

base::Result<model::BlockSummary> decode_times(base::BytesView frame, Columns& columns) {
  return decode(frame, Part::times, columns);
}

base::Result<model::BlockSummary> decode_values(base::BytesView frame, Columns& columns) {
  return decode(frame, Part::values, columns);
}

std::string_view codec_name(std::uint8_t codec) {
  switch (static_cast<ValueCodec>(codec)) {
    case ValueCodec::same: return "same";
    case ValueCodec::raw: return "raw+zstd";
    case ValueCodec::raw_planes: return "planes+zstd";
    case ValueCodec::decimal: return "decimal+zstd";
    case ValueCodec::integers: return "integers+zstd";
    case ValueCodec::bits: return "bits+zstd";
    case ValueCodec::runs: return "runs";
    case ValueCodec::text_plain: return "text+zstd";
    case ValueCodec::text_dictionary: return "dictionary+zstd";
    case ValueCodec::sealed: return "sealed";
    case ValueCodec::dense: return "dense";
    case ValueCodec::fast: return "fast";
    case ValueCodec::dense_integers: return "integers, dense";
    case ValueCodec::fast_integers: return "integers, fast";
    case ValueCodec::text_dense_dictionary: return "dictionary, dense";
  }
  return "unknown";
}

}  // namespace selvedge::codec
