// Measure: every series through every codec, block by block; each block is decoded and compared bit
// for bit. One thread; times are its CPU time.

#pragma once

#include <string>
#include <vector>

#include "codec/codec.h"
#include "codec/series.h"

namespace bench {

struct Plan {
  std::vector<std::size_t> blocks = {100, 1'000, 10'000};
  unsigned rounds = 5;
  bool speeds = true;      // else one pass: sizes only
  std::string only;        // codecs with this in their name; all if empty
  std::size_t most_samples = 100'000;
};

struct Row {
  std::string series, codec;
  Kind kind = Kind::float64;
  std::size_t block = 0;          // asked for; a shorter series is one block
  std::size_t samples = 0, blocks = 0, bytes = 0;
  double encode = 0, decode = 0;  // GB/s of raw bytes, medians
  bool taken = true;              // false: the codec cannot take this series
  bool good = true;               // false: a block came back other than it was
  double bits() const { return 8.0 * static_cast<double>(bytes) / static_cast<double>(samples); }
  double ratio() const {
    return taken ? static_cast<double>(samples * size_of(kind)) / static_cast<double>(bytes) : 1.0;
  }
};

std::vector<Row> measure(const std::vector<Series>& all, const std::vector<Codec>& codecs, const Plan& plan);

struct LossyRow {
  std::string series, codec;
  std::size_t block = 0, samples = 0, bytes = 0;
  double bound = 0;           // share of the series' range; 0: none was asked
  double largest_error = 0;   // in units of the bound; of the value, if none was asked
  double error_with_first = 0;   // of the article's scheme, had it kept the first value
  double encode = 0, decode = 0;
  double ratio() const { return 4.0 * static_cast<double>(samples) / static_cast<double>(bytes); }   // against float32
};

std::vector<LossyRow> measure_lossy(const std::vector<Series>& all, const std::vector<double>& bounds, const Plan& plan);

// A series that is shorter than a quarter of a block says nothing of that block, but for the first.
inline bool too_short(std::size_t samples, std::size_t block, const Plan& plan) {
  return samples < block / 4 && block != plan.blocks.front();
}

}  // namespace bench
