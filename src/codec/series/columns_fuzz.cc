// Makes columns out of arbitrary bytes, encodes and decodes them, and compares bit by bit.
//
// First byte: kind and how times advance. Then records: u8 repeat, u8 way, payload.

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/wire.h"
#include "codec/series/frame.h"

using namespace selvedge;

namespace {

double make_double(base::Reader& in, unsigned way) {
  switch (way % 4) {
    case 0: return static_cast<double>(in.svarint()) / std::pow(10.0, way / 4 % 8);
    case 1: return in.f64();
    case 2: return static_cast<double>(static_cast<float>(in.svarint())) * 0.1;
    default: return static_cast<double>(in.u16()) / 100;
  }
}

model::ValueView make_value(model::Kind kind, base::Reader& in, unsigned way, std::string& text) {
  switch (kind) {
    case model::Kind::float64: return model::ValueView::of(make_double(in, way));
    case model::Kind::int64:
      return model::ValueView::of(way % 2 ? static_cast<std::int64_t>(in.u64()) : in.svarint());
    case model::Kind::boolean: return model::ValueView::of(way % 2 == 1);
    case model::Kind::text: break;
  }
  text = std::string(base::as_text(in.raw(std::min<std::size_t>(way % 32, in.remaining()))));
  return model::ValueView::of(std::string_view(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Reader in(base::BytesView(data, size));
  const std::uint8_t head = in.u8();
  codec::Columns given;
  given.kind = static_cast<model::Kind>(head & 3);
  constexpr std::int64_t units[] = {1, 1000, 1'000'000, 1'000'000'000};
  const std::int64_t unit = units[(head >> 2) & 3];
  auto time = static_cast<std::uint64_t>(1'700'000'000'000'000'000);
  while (in.remaining() > 0 && given.size() < 1000) {
    const unsigned repeat = in.u8();
    const unsigned way = in.u8();
    const std::int64_t step = in.svarint();
    std::string text;
    const model::ValueView value = make_value(given.kind, in, way, text);
    for (unsigned i = 0; i <= repeat % 64; ++i) {
      given.push({static_cast<std::int64_t>(time)}, value);
      time += static_cast<std::uint64_t>(step) * static_cast<std::uint64_t>(unit);
    }
  }
  base::Bytes frame;
  codec::EncodeOptions options;
  if (head & 16) options.effort = codec::Effort::fast;
  constexpr double bound = 0.125;
  const bool lossy = (head & 32) && given.kind == model::Kind::float64;
  if (lossy) options.bound = {codec::ErrorBound::Kind::absolute, bound};
  const auto encoded = codec::encode_frame(given, frame, options);
  if (!encoded) {
    if (given.size() != 0) std::abort();
    return 0;
  }
  codec::Columns back;
  const auto decoded = codec::decode_frame(frame, back);
  if (!decoded || decoded->count != given.size() || back.size() != given.size()) std::abort();

  // The frame is in time order, stably.
  std::vector<std::size_t> order(given.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return given.times[a] != given.times[b] ? given.times[a] < given.times[b] : a < b;
  });
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (back.times[i] != given.times[order[i]]) std::abort();
    if (back.at(i) == given.at(order[i])) continue;
    // What is no number comes back to the bit; the rest within the bound.
    if (!lossy || !(std::abs(back.float64[i] - given.float64[order[i]]) <= bound)) std::abort();
  }
  return 0;
}
