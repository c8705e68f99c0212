// Means: what the rows of a run say together.

#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "codec/measure.h"

namespace bench {

struct Mean {
  std::string codec;
  Kind kind = Kind::float64;
  std::size_t block = 0;
  double ratio = 0, encode = 0, decode = 0;   // geometric
  std::size_t taken = 0, of = 0;
};
std::vector<Mean> means_of(const std::vector<Row>& rows);
const Mean* find_mean(const std::vector<Mean>& means, const std::string& codec, Kind kind, std::size_t block);

// 128 / (bits of the clock + bits of the value), both columns by the same codec; geometric.
double pair_ratio(const std::vector<Row>& rows, const std::string& codec, std::size_t block);
// Bytes a block of the regular clocks; the largest of them, 0 if there is none.
double regular_clock_bytes(const std::vector<Row>& rows, const std::string& codec, std::size_t block,
                           const std::set<std::string>& regular);

struct LossyMean {
  std::string codec;
  std::size_t block = 0;
  double bound = 0, ratio = 0, temperature_ratio = 0;   // against float32
  double largest_error = 0, encode = 0, decode = 0;
};
std::vector<LossyMean> means_of(const std::vector<LossyRow>& rows);

// Air and machine temperatures: those with "temp" in their name, the appliances set's t1 and t6, a dew point.
bool is_temperature(const std::string& series);

struct Worse {
  std::string series, peer;
  std::size_t block = 0;
  double ours = 0, best = 0;   // bits a sample
};
// Series where dense is larger than the best of zstd-3 and pcodec-12 (as cited in `file`) by over 2 %.
std::vector<Worse> worse_than_peers(const std::vector<Row>& rows, const std::string& file, std::size_t& compared);

}  // namespace bench
