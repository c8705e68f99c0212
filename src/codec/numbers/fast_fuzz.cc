// Bytes as a coded column: every path must find the same integers and doubles in them, or damage.
// And bytes as steps of integers: every path must write the same and give them back.
//
// u16 count, u8 digits and form, and then both readings of the rest.

#include <bit>
#include <cstdlib>
#include <vector>

#include "codec/numbers/fast.h"
#include "codec/numbers/fast_paths.h"

using namespace selvedge;

namespace {

struct Reading {
  bool is_sound = false;
  std::vector<std::int64_t> integers;
  std::vector<std::uint64_t> doubles;  // their bits
};

Reading read(base::BytesView bytes, std::size_t count, const codec::NumberModel& model) {
  Reading reading;
  reading.integers.resize(count);
  std::vector<double> values(count);
  base::Reader in(bytes), again(bytes);
  reading.is_sound = codec::take_fast(in, reading.integers);
  if (codec::take_fast(again, model, values) != reading.is_sound) std::abort();
  if (!reading.is_sound) return {};
  for (const double value : values) reading.doubles.push_back(std::bit_cast<std::uint64_t>(value));
  return reading;
}

void decode_by_every_path(base::BytesView bytes, std::size_t count,
                          const codec::NumberModel& model) {
  codec::force_fast_path("baseline");
  const Reading expected = read(bytes, count, model);
  for (const codec::FastPath* path : codec::fast_paths()) {
    if (!codec::force_fast_path(path->name)) continue;
    const Reading found = read(bytes, count, model);
    if (found.is_sound != expected.is_sound || found.integers != expected.integers) std::abort();
    if (found.doubles != expected.doubles) std::abort();
  }
}

void encode_by_every_path(base::Reader& in, std::size_t count) {
  std::vector<std::int64_t> integers;
  std::uint64_t value = 0;
  while (integers.size() < count && in.remaining() > 0) {
    const unsigned repeat = in.u8();
    const std::uint64_t step =
        repeat % 4 == 3 ? in.u64() : static_cast<std::uint64_t>(in.svarint());
    for (unsigned i = 0; i <= repeat / 4 && integers.size() < count; ++i)
      integers.push_back(static_cast<std::int64_t>(value += step));
  }
  base::Bytes first;
  for (const codec::FastPath* path : codec::fast_paths()) {
    if (!codec::force_fast_path(path->name)) continue;
    base::Bytes bytes;
    base::Writer out(bytes);
    codec::put_fast(out, integers);
    if (first.empty()) first = bytes;
    if (bytes != first) std::abort();
    std::vector<std::int64_t> back(integers.size());
    base::Reader again(bytes);
    if (!codec::take_fast(again, back) || back != integers || !again.at_end()) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Reader in(base::BytesView(data, size));
  const std::size_t count = in.u16() % 1200;
  const unsigned shape = in.u8();
  codec::NumberModel model;
  model.form = shape / 32 % 2 == 0 ? codec::NumberForm::decimal : codec::NumberForm::lattice;
  if (model.form == codec::NumberForm::decimal)
    model.digits = shape % 23;
  else
    model.step = 0.1, model.origin = -3, model.denominator = 7, model.multiple = 1 + shape % 32;
  decode_by_every_path({data + size - in.remaining(), in.remaining()}, count, model);
  encode_by_every_path(in, count);
  codec::force_fast_path({});
  return 0;
}
