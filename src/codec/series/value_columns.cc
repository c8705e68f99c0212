// float64 and int64 columns are numbers (codec/numbers). Boolean columns:
//
//   bits: section: bit i of byte i / 8, lowest first, is value i; unused bits are 0
//   runs: u8 first value; varint number of runs; section: their lengths as varints

#include "codec/series/value_columns.h"

#include "codec/numbers/values.h"
#include "codec/series/compress.h"
#include "codec/series/integers.h"

namespace selvedge::codec {
namespace {

ValueCodec put_booleans(base::Writer& out, std::span<const std::int64_t> values) {
  base::Bytes runs;
  base::Writer run(runs);
  std::uint64_t run_count = 0;
  std::size_t start = 0;
  for (std::size_t i = 1; i <= values.size(); ++i) {
    if (i < values.size() && values[i] == values[start]) continue;
    run.varint(i - start);
    start = i;
    ++run_count;
  }
  if (runs.size() <= values.size() / 8) {
    out.u8(values[0] != 0);
    out.varint(run_count);
    put_section(out, runs);
    return ValueCodec::runs;
  }
  base::Bytes bits((values.size() + 7) / 8);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] != 0) bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | (1u << (i % 8)));
  put_section(out, bits);
  return ValueCodec::bits;
}

bool take_bits(base::Reader& in, std::size_t count, std::vector<std::int64_t>& into) {
  base::Bytes bits;
  if (!take_section(in, (count + 7) / 8, bits) || bits.size() != (count + 7) / 8) return false;
  into.resize(count);
  for (std::size_t i = 0; i < count; ++i) into[i] = (bits[i / 8] >> (i % 8)) & 1;
  return true;
}

bool take_runs(base::Reader& in, std::size_t count, std::vector<std::int64_t>& into) {
  std::int64_t value = in.u8();
  const std::uint64_t run_count = in.varint();
  if (!in.ok() || value > 1 || run_count > count) return false;
  base::Bytes runs;
  if (!take_section(in, static_cast<std::size_t>(run_count) * 10, runs)) return false;
  base::Reader run(runs);
  into.clear();
  into.reserve(count);
  for (std::uint64_t i = 0; i < run_count; ++i) {
    const std::uint64_t length = run.varint();
    if (!run.ok() || length == 0 || length > count - into.size()) return false;
    into.insert(into.end(), static_cast<std::size_t>(length), value);
    value ^= 1;
  }
  return run.at_end() && into.size() == count;
}

}  // namespace

ValueCodec put_values(base::Writer& out, const Columns& columns, const Numbers& numbers, Effort effort) {
  const bool fast = effort == Effort::fast;
  switch (columns.kind) {
    case model::Kind::float64: return put_floats(out, numbers, columns.float64, effort);
    case model::Kind::boolean: return put_booleans(out, columns.int64);
    case model::Kind::text: return put_texts(out, columns);
    case model::Kind::int64: break;
  }
  put_int64s(out, columns.int64, effort);
  return fast ? ValueCodec::fast_integers : ValueCodec::dense_integers;
}

bool take_values(base::Reader& in, ValueCodec codec, std::size_t count, Columns& columns) {
  const auto is = [&](model::Kind kind) { return columns.kind == kind; };
  switch (codec) {
    case ValueCodec::raw:
      return is(model::Kind::float64) && take_raw_floats(in, count, columns.float64);
    case ValueCodec::raw_planes:
      return is(model::Kind::float64) && take_plane_floats(in, count, columns.float64);
    case ValueCodec::decimal:
      return is(model::Kind::float64) && take_decimals(in, count, columns.float64);
    case ValueCodec::integers:
      return is(model::Kind::int64) && take_integers(in, count, columns.int64);
    case ValueCodec::bits: return is(model::Kind::boolean) && take_bits(in, count, columns.int64);
    case ValueCodec::runs: return is(model::Kind::boolean) && take_runs(in, count, columns.int64);
    case ValueCodec::text_plain:
      return is(model::Kind::text) && take_plain_texts(in, count, columns);
    case ValueCodec::sealed: return false;   // has a decoder of its own
    case ValueCodec::text_dictionary:
      return is(model::Kind::text) && take_dictionary_texts(in, count, false, columns);
    case ValueCodec::text_dense_dictionary:
      return is(model::Kind::text) && take_dictionary_texts(in, count, true, columns);
    case ValueCodec::dense:
    case ValueCodec::fast:
      if (!is(model::Kind::float64)) return false;
      columns.float64.resize(count);
      return take_doubles(in, codec == ValueCodec::fast ? Effort::fast : Effort::dense, columns.float64);
    case ValueCodec::dense_integers:
    case ValueCodec::fast_integers:
      if (!is(model::Kind::int64)) return false;
      columns.int64.resize(count);
      return take_int64s(in, codec == ValueCodec::fast_integers ? Effort::fast : Effort::dense, columns.int64);
    case ValueCodec::same: break;  // the header has it; see frame.cc
  }
  return false;
}

}  // namespace selvedge::codec
