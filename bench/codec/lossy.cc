// Codecs that may be wrong by a bound, checked on every sample; and the scheme of differences of float32
// through zlib, with the error that it really makes.

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/wire.h"
#include "codec/measure.h"
#include "codec/numbers/values.h"
#include "codec/zfp_stream.h"

namespace bench {
namespace {

using selvedge::base::Reader;
using selvedge::base::Writer;
using selvedge::codec::Effort;

struct Lossy {
  std::string name;
  std::function<void(std::span<const double>, double bound, Bytes& out)> encode;
  std::function<bool(std::span<const std::uint8_t>, double bound, std::span<double>)> decode;
};

// A little less than two bounds, so that the product's rounding stays inside.
double step_of(double bound) { return 2 * bound * (1 - 1e-9); }

void grid_encode(std::span<const double> values, double bound, Bytes& out) {
  static thread_local Bytes raw;
  raw.clear();
  Writer writer(raw);
  std::int64_t before = 0;
  for (const double value : values) {
    const std::int64_t level = std::llrint(value / step_of(bound));
    writer.svarint(level - before);
    before = level;
  }
  out.resize(ZSTD_compressBound(raw.size()));
  const std::size_t used = ZSTD_compress(out.data(), out.size(), raw.data(), raw.size(), 3);
  out.resize(ZSTD_isError(used) != 0 ? 0 : used);
}

bool grid_decode(std::span<const std::uint8_t> in, double bound, std::span<double> values) {
  static thread_local Bytes raw;
  raw.resize(values.size() * 10);
  const std::size_t got = ZSTD_decompress(raw.data(), raw.size(), in.data(), in.size());
  if (ZSTD_isError(got) != 0) return false;
  Reader reader({raw.data(), got});
  std::int64_t level = 0;
  for (double& value : values) value = static_cast<double>(level += reader.svarint()) * step_of(bound);
  return reader.ok();
}

std::vector<Lossy> lossy_codecs() {
  std::vector<Lossy> all;
  for (const Effort effort : {Effort::dense, Effort::fast})
    all.push_back({effort == Effort::dense ? "selvedge-dense" : "selvedge-fast",
                   [effort](std::span<const double> values, double bound, Bytes& out) {
                     out.clear();
                     Writer writer(out);
                     selvedge::codec::put_doubles(writer, values, effort, {selvedge::codec::ErrorBound::Kind::absolute, bound});
                   },
                   [effort](std::span<const std::uint8_t> in, double, std::span<double> values) {
                     Reader reader(in);
                     return selvedge::codec::take_doubles(reader, effort, values);
                   }});
  all.push_back({"grid-delta-varint-zstd3", grid_encode, grid_decode});
  all.push_back({"zfp-accuracy",
                 [](std::span<const double> values, double bound, Bytes& out) {
                   out.resize(values.size() * 16 + 65536);
                   out.resize(zfp_encode(values.data(), values.size(), zfp_type_double, out, bound));
                 },
                 [](std::span<const std::uint8_t> in, double bound, std::span<double> values) {
                   return zfp_decode(in, values.data(), values.size(), zfp_type_double, bound);
                 }});
  return all;
}

// As published: the first difference is nothing, so that the level is lost.
LossyRow article_scheme(const Series& series, std::size_t block, std::size_t blocks) {
  LossyRow row;
  row.codec = "diff-float32-zlib6";
  std::vector<float> values(block), differences(block), back(block);
  Bytes coded(block * 5 + 4096);
  double encoding = 0, decoding = 0;
  for (std::size_t b = 0; b < blocks; ++b) {
    const double* const from = series.values.data() + b * block;
    for (std::size_t i = 0; i < block; ++i) values[i] = static_cast<float>(from[i]);
    double start = cpu_now();
    differences[0] = 0;
    for (std::size_t i = 1; i < block; ++i) differences[i] = values[i] - values[i - 1];
    uLongf used = coded.size();
    compress2(coded.data(), &used, reinterpret_cast<const Bytef*>(differences.data()), block * 4, 6);
    encoding += cpu_now() - start;
    row.bytes += used;
    start = cpu_now();
    uLongf got = block * 4;
    uncompress(reinterpret_cast<Bytef*>(back.data()), &got, coded.data(), used);
    float sum = 0;
    for (float& value : back) value = sum += value;
    decoding += cpu_now() - start;
    for (std::size_t i = 0; i < block; ++i) {
      row.largest_error = std::max(row.largest_error, std::fabs(static_cast<double>(back[i]) - from[i]));
      row.error_with_first = std::max(row.error_with_first, std::fabs(static_cast<double>(back[i]) + static_cast<double>(values[0]) - from[i]));
    }
  }
  const auto bytes = static_cast<double>(block * blocks * 4);
  row.encode = bytes / encoding / 1e9;
  row.decode = bytes / decoding / 1e9;
  return row;
}

struct Pass {
  std::size_t bytes = 0;
  double largest = 0, encoding = 0, decoding = 0;
};

Pass one_pass(const Lossy& codec, const Series& series, std::size_t block, std::size_t blocks, double bound) {
  Pass pass;
  Bytes coded;
  std::vector<double> back(block + 64);
  for (std::size_t b = 0; b < blocks; ++b) {
    const std::span<const double> from(series.values.data() + b * block, block);
    double start = cpu_now();
    codec.encode(from, bound, coded);
    pass.encoding += cpu_now() - start;
    pass.bytes += coded.size();
    start = cpu_now();
    const bool good = codec.decode(coded, bound, std::span(back).first(block));
    pass.decoding += cpu_now() - start;
    if (!good) pass.largest = INFINITY;
    for (std::size_t i = 0; i < block; ++i) pass.largest = std::max(pass.largest, std::fabs(back[i] - from[i]));
  }
  return pass;
}

}  // namespace

std::vector<LossyRow> measure_lossy(const std::vector<Series>& all, const std::vector<double>& bounds, const Plan& plan) {
  const std::vector<Lossy> codecs = lossy_codecs();
  std::vector<LossyRow> rows;
  for (const Series& series : all) {
    const std::size_t samples = std::min<std::size_t>({50'000, plan.most_samples, series.values.size()});
    const auto [least, most] = std::minmax_element(series.values.begin(), series.values.begin() + static_cast<std::ptrdiff_t>(samples));
    const double range = *most - *least;
    if (!(range > 0)) continue;
    std::fprintf(stderr, "%s, with error bounds\n", series.id().c_str());
    for (const std::size_t asked : plan.blocks) {
      if (asked < 1000 || too_short(samples, asked, plan)) continue;
      const std::size_t block = std::min(asked, samples), blocks = samples / block;
      const auto add = [&](LossyRow row) {
        row.series = series.id(), row.block = asked, row.samples = block * blocks;
        rows.push_back(std::move(row));
      };
      if (plan.only.empty()) add(article_scheme(series, block, blocks));
      for (const double share : bounds)
        for (const Lossy& codec : codecs) {
          if (codec.name.find(plan.only) == std::string::npos) continue;
          const double bound = share * range;
          LossyRow row;
          row.codec = codec.name, row.bound = share;
          std::vector<double> encoding, decoding;
          for (unsigned round = 0; round < (plan.speeds ? std::min(plan.rounds, 3U) : 1); ++round) {
            const Pass pass = one_pass(codec, series, block, blocks, bound);
            row.bytes = pass.bytes, row.largest_error = pass.largest / bound;
            encoding.push_back(pass.encoding), decoding.push_back(pass.decoding);
          }
          const double bytes = static_cast<double>(block * blocks * 8);
          row.encode = bytes / median(encoding) / 1e9, row.decode = bytes / median(decoding) / 1e9;
          add(std::move(row));
        }
    }
  }
  return rows;
}

}  // namespace bench
