#include "codec/targets.h"

#include <algorithm>

#include "codec/means.h"

namespace bench {
namespace {

// Files whose clock has one step throughout, by the rows of a codec that codes such a clock in its head.
std::set<std::string> regular_clocks(const std::vector<Row>& rows) {
  std::set<std::string> regular;
  for (const Row& row : rows)
    if (row.codec == "selvedge-dense" && row.kind == Kind::clock && row.block == 10'000 &&
        row.bytes <= 24 * row.blocks)
      regular.insert(row.series);
  return regular;
}

}  // namespace

std::vector<Target> targets_of(const Results& results) {
  const std::vector<Mean> means = means_of(results.rows);
  std::vector<Target> all;
  const auto add = [&](const char* what, double least, double aim, double got, bool less = false) {
    if (got > 0 || less) all.push_back({what, least, aim, got, less});
  };
  const auto mean = [&](const char* codec, std::size_t block, double Mean::*of) {
    const Mean* const found = find_mean(means, codec, Kind::float64, block);
    return found != nullptr ? found->*of : 0.0;
  };
  add("float64, blocks of 1,000: ratio", 8.8, 9.0, mean("selvedge-dense", 1'000, &Mean::ratio));
  add("float64, blocks of 10,000: ratio", 9.5, 9.9, mean("selvedge-dense", 10'000, &Mean::ratio));
  add("float64, batches of 100, stateless: ratio", 7.3, 7.8, mean("selvedge-dense", 100, &Mean::ratio));
  add("float64, batches of 100, carried: ratio", 8.8, 9.3, mean("selvedge-carried", 100, &Mean::ratio));
  add("timestamp + value, 1,000: ratio", 16, 17, pair_ratio(results.rows, "selvedge-dense", 1'000));
  add("timestamp + value, 10,000: ratio", 18, 19, pair_ratio(results.rows, "selvedge-dense", 10'000));
  std::size_t compared = 0;
  const auto worse = worse_than_peers(results.rows, results.pcodec_file, compared);
  if (compared > 0)
    add("series over 2 % larger than the best of zstd-3, pcodec-12", 1, 0, static_cast<double>(worse.size()), true);
  for (const LossyMean& one : means_of(results.lossy)) {
    if (one.codec != "selvedge-dense" || one.bound != 8e-3 || one.temperature_ratio == 0) continue;
    if (one.block == 1'000) add("0.8 % of range, temperatures, 1,000: ratio to float32", 17.5, 18.5, one.temperature_ratio);
    if (one.block == 10'000) add("0.8 % of range, temperatures, 10,000: ratio to float32", 20, 21, one.temperature_ratio);
  }
  double largest = 0;
  for (const LossyRow& row : results.lossy)
    if (row.codec.starts_with("selvedge")) largest = std::max(largest, row.largest_error);
  if (!results.lossy.empty()) add("largest error of any sample, in bounds", 1, 1, largest, true);
  add("dense decode, 10,000: GB/s", 1.5, 2.5, mean("selvedge-dense", 10'000, &Mean::decode));
  add("dense decode, 1,000: GB/s", 1.0, 1.5, mean("selvedge-dense", 1'000, &Mean::decode));
  add("dense encode, 10,000: GB/s", 0.1, 0.2, mean("selvedge-dense", 10'000, &Mean::encode));
  add("fast, 10,000: ratio", 5, 5, mean("selvedge-fast", 10'000, &Mean::ratio));
  add("fast decode, 10,000: GB/s", 5, 8, mean("selvedge-fast", 10'000, &Mean::decode));
  add("fast encode, 10,000: GB/s", 1, 2, mean("selvedge-fast", 10'000, &Mean::encode));
  const double bytes = regular_clock_bytes(results.rows, "selvedge-dense", 10'000, regular_clocks(results.rows));
  if (bytes > 0) add("regular clock: bytes a block, at most", 18, 16, bytes, true);
  return all;
}

}  // namespace bench
