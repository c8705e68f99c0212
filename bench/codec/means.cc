#include "codec/means.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <tuple>

namespace bench {
namespace {

struct Geometric {
  double logs = 0;
  std::size_t count = 0;
  void add(double value) {
    if (value > 0) logs += std::log(value), ++count;
  }
  double mean() const { return count > 0 ? std::exp(logs / static_cast<double>(count)) : 0; }
};

std::string file_of(const std::string& series) { return series.substr(0, series.find('/')); }

}  // namespace

std::vector<Mean> means_of(const std::vector<Row>& rows) {
  struct Sums {
    Geometric ratio, encode, decode;
    std::size_t taken = 0, of = 0;
  };
  std::map<std::tuple<Kind, std::size_t, std::string>, Sums> sums;
  for (const Row& row : rows) {
    if (!row.good) continue;
    Sums& one = sums[{row.kind, row.block, row.codec}];
    one.ratio.add(row.ratio()), one.encode.add(row.encode), one.decode.add(row.decode);
    one.taken += row.taken ? 1 : 0, ++one.of;
  }
  std::vector<Mean> means;
  for (const auto& [key, one] : sums)
    means.push_back({std::get<2>(key), std::get<0>(key), std::get<1>(key), one.ratio.mean(), one.encode.mean(),
                     one.decode.mean(), one.taken, one.of});
  std::ranges::sort(means, [](const Mean& a, const Mean& b) {
    return std::tuple(a.kind, a.block, -a.ratio, a.codec) < std::tuple(b.kind, b.block, -b.ratio, b.codec);
  });
  return means;
}

const Mean* find_mean(const std::vector<Mean>& means, const std::string& codec, Kind kind, std::size_t block) {
  for (const Mean& mean : means)
    if (mean.codec == codec && mean.kind == kind && mean.block == block) return &mean;
  return nullptr;
}

double pair_ratio(const std::vector<Row>& rows, const std::string& codec, std::size_t block) {
  std::map<std::string, double> clocks;
  for (const Row& row : rows)
    if (row.codec == codec && row.block == block && row.kind == Kind::clock)
      clocks[file_of(row.series)] = row.taken ? row.bits() : 64;
  Geometric all;
  for (const Row& row : rows)
    if (row.codec == codec && row.block == block && row.kind == Kind::float64)
      if (const auto clock = clocks.find(file_of(row.series)); clock != clocks.end())
        all.add(128 / (clock->second + (row.taken ? row.bits() : 64)));
  return all.mean();
}

double regular_clock_bytes(const std::vector<Row>& rows, const std::string& codec, std::size_t block,
                           const std::set<std::string>& regular) {
  double most = 0;
  for (const Row& row : rows)
    if (row.codec == codec && row.block == block && row.kind == Kind::clock && regular.contains(row.series))
      most = std::max(most, static_cast<double>(row.bytes) / static_cast<double>(row.blocks));
  return most;
}

bool is_temperature(const std::string& series) {
  for (const char* const other : {"uci_appliances_energy/t1_c", "uci_appliances_energy/t6_c", "uci_beijing_dongsi/dewp_c"})
    if (series == other) return true;
  return series.find("temp") != std::string::npos;
}

std::vector<LossyMean> means_of(const std::vector<LossyRow>& rows) {
  struct Sums {
    Geometric ratio, temperature, encode, decode;
    double largest = 0;
  };
  std::map<std::tuple<std::size_t, double, std::string>, Sums> sums;
  for (const LossyRow& row : rows) {
    Sums& one = sums[{row.block, row.bound, row.codec}];
    one.ratio.add(row.ratio()), one.encode.add(row.encode), one.decode.add(row.decode);
    if (is_temperature(row.series)) one.temperature.add(row.ratio());
    one.largest = std::max(one.largest, row.largest_error);
  }
  std::vector<LossyMean> means;
  for (const auto& [key, one] : sums)
    means.push_back({std::get<2>(key), std::get<0>(key), std::get<1>(key), one.ratio.mean(), one.temperature.mean(),
                     one.largest, one.encode.mean(), one.decode.mean()});
  std::ranges::sort(means, [](const LossyMean& a, const LossyMean& b) {
    return std::tuple(a.block, a.bound, -a.ratio) < std::tuple(b.block, b.bound, -b.ratio);
  });
  return means;
}

std::vector<Worse> worse_than_peers(const std::vector<Row>& rows, const std::string& file, std::size_t& compared) {
  std::map<std::pair<std::string, std::size_t>, std::pair<double, std::string>> best;
  const auto offer = [&](const std::string& series, std::size_t block, double bits, const char* peer) {
    if (!(bits > 0)) return;
    auto& one = best[{series, block}];
    if (one.second.empty() || bits < one.first) one = {bits, peer};
  };
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream cells(line);
    std::string series, thousand, ten_thousand;
    cells >> series >> thousand >> ten_thousand;
    offer(series, 1'000, std::strtod(thousand.c_str(), nullptr), "pcodec-12");
    offer(series, 10'000, std::strtod(ten_thousand.c_str(), nullptr), "pcodec-12");
  }
  for (const Row& row : rows)
    if (row.codec == "zstd-3" && row.kind == Kind::float64 && row.taken) offer(row.series, row.block, row.bits(), "zstd-3");
  std::vector<Worse> worse;
  compared = 0;
  for (const Row& row : rows) {
    if (row.codec != "selvedge-dense" || row.kind != Kind::float64 || row.block < 1'000) continue;
    const auto peer = best.find({row.series, row.block});
    if (peer == best.end()) continue;
    ++compared;
    if (row.bits() > peer->second.first * 1.02)
      worse.push_back({row.series, peer->second.second, row.block, row.bits(), peer->second.first});
  }
  return worse;
}

}  // namespace bench
