#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "codec/measure.h"

namespace bench {

double cpu_now() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

namespace {

constexpr double least_seconds = 3e-3;

// The raw column of a series as one run of bytes, block by block.
struct Column {
  Bytes bytes;
  std::size_t block = 0, blocks = 0;
  Kind kind = Kind::float64;
  const std::uint8_t* at(std::size_t i) const { return bytes.data() + i * block * size_of(kind); }
  std::size_t block_bytes() const { return block * size_of(kind); }
};

Column column_of(const Series& series, Kind kind, std::size_t block, std::size_t samples) {
  Column column{{}, block, samples / block, kind};
  const auto append = [&](const void* from, std::size_t bytes) {
    const auto* const start = static_cast<const std::uint8_t*>(from);
    column.bytes.insert(column.bytes.end(), start, start + bytes);
  };
  for (std::size_t b = 0; b < column.blocks; ++b) {
    const double* const values = series.values.data() + b * block;
    const std::int64_t* const times = series.times.data() + b * block;
    if (kind == Kind::float64) append(values, block * 8);
    if (kind == Kind::clock) append(times, block * 8);
    if (kind == Kind::float32)
      for (std::size_t i = 0; i < block; ++i) {
        const auto narrow = static_cast<float>(values[i]);
        append(&narrow, 4);
      }
    if (kind == Kind::reading) {
      for (std::size_t i = 0; i < block; ++i) {
        const std::int64_t time = times[i] * 1'000'000;
        append(&time, 8);
      }
      append(values, block * 8);
    }
  }
  return column;
}

struct State {
  Row row;
  std::vector<Bytes> coded;
  std::vector<double> encode, decode;
};

void begin(const Codec& codec) {
  if (codec.begin) codec.begin();
}

// Sizes, and whether each block comes back.
void first_pass(const Codec& codec, const Column& column, State& state) {
  Bytes back(column.block_bytes() + 4096);
  double seconds = 0;
  state.coded.resize(column.blocks);
  begin(codec);
  for (std::size_t b = 0; b < column.blocks; ++b) {
    const double start = cpu_now();
    if (!codec.encode(column.at(b), column.block, column.kind, state.coded[b])) {
      state.row.taken = false;
      return;
    }
    seconds += cpu_now() - start;
    state.row.bytes += state.coded[b].size();
  }
  begin(codec);
  for (std::size_t b = 0; b < column.blocks; ++b) {
    std::fill(back.begin(), back.end(), std::uint8_t{0xA5});
    if (codec.decode(state.coded[b], back.data(), column.block, column.kind) &&
        std::memcmp(back.data(), column.at(b), column.block_bytes()) == 0)
      continue;
    state.row.good = false;
    std::fprintf(stderr, "codec_bench: %s: %s: block %zu of %zu came back changed\n", codec.name.c_str(),
                 state.row.series.c_str(), b, column.block);
    return;
  }
  if (codec.slow && seconds > 0) state.encode.push_back(static_cast<double>(column.bytes.size()) / seconds);
}

template <typename Pass>
double speed(const Codec& codec, const Column& column, Pass&& pass) {
  const double start = cpu_now();
  double seconds = 0;
  std::size_t passes = 0;
  do {
    begin(codec);
    for (std::size_t b = 0; b < column.blocks; ++b) pass(b);
    ++passes;
    seconds = cpu_now() - start;
  } while (seconds < least_seconds);
  return static_cast<double>(column.bytes.size() * passes) / seconds;
}

std::vector<Row> measure_column(const Column& column, const std::vector<Codec>& codecs, const Plan& plan, Row like) {
  std::vector<State> states(codecs.size());
  Bytes out, back(column.block_bytes() + 4096);
  for (unsigned round = 0; round < (plan.speeds ? plan.rounds : 1); ++round)
    for (std::size_t c = 0; c < codecs.size(); ++c) {
      const Codec& codec = codecs[c];
      State& state = states[c];
      if (round == 0) {
        state.row = like;
        state.row.codec = codec.name;
        const bool wanted = plan.only.empty() || codec.name.find(plan.only) != std::string::npos || codec.name == "memcpy";
        state.row.good = codec.kinds.find(static_cast<char>(column.kind)) != std::string::npos && wanted;
        if (!state.row.good) {
          state.row.samples = 0;   // not asked
          continue;
        }
        first_pass(codec, column, state);
      }
      if (!plan.speeds || !state.row.taken || !state.row.good) continue;
      if (!codec.slow)
        state.encode.push_back(speed(codec, column, [&](std::size_t b) { codec.encode(column.at(b), column.block, column.kind, out); }));
      if (!codec.slow || round == 0)
        state.decode.push_back(speed(codec, column, [&](std::size_t b) { codec.decode(state.coded[b], back.data(), column.block, column.kind); }));
    }
  std::vector<Row> rows;
  for (State& state : states) {
    if (state.row.samples == 0) continue;
    state.row.encode = median(state.encode) / 1e9;
    state.row.decode = median(state.decode) / 1e9;
    rows.push_back(std::move(state.row));
  }
  return rows;
}

}  // namespace

std::vector<Row> measure(const std::vector<Series>& all, const std::vector<Codec>& codecs, const Plan& plan) {
  std::vector<Row> rows;
  for (const Series& series : all) {
    std::fprintf(stderr, "%s\n", series.id().c_str());
    for (const std::size_t asked : plan.blocks) {
      // Small batches of the first samples: there are enough of them.
      const std::size_t samples = std::min(asked <= 100 ? std::min<std::size_t>(20'000, plan.most_samples) : plan.most_samples, series.values.size());
      if (too_short(samples, asked, plan)) continue;
      const std::size_t block = std::min(asked, samples);
      for (const Kind kind : {Kind::float64, Kind::float32, Kind::clock, Kind::reading}) {
        if (kind == Kind::clock && !series.first_of_file) continue;
        if (kind == Kind::reading && !std::is_sorted(series.times.begin(), series.times.begin() + static_cast<std::ptrdiff_t>(samples))) continue;
        const Column column = column_of(series, kind, block, samples);
        Row like;
        like.series = series.id(), like.kind = kind, like.block = asked;
        like.samples = column.blocks * block, like.blocks = column.blocks;
        for (Row& row : measure_column(column, codecs, plan, like)) rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

}  // namespace bench
