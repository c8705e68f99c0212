#include "codec/series.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "base/time.h"

namespace bench {
namespace {

std::vector<Series> load_file(const std::filesystem::path& path) {
  std::vector<Series> all;
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return all;
  if (line.ends_with('\r')) line.pop_back();
  std::stringstream header(line);
  std::string cell;
  for (bool time = true; std::getline(header, cell, ','); time = false)
    if (!time) all.push_back({path.stem().string(), cell, {}, {}, all.empty()});
  while (std::getline(file, line)) {
    const char* at = line.c_str();
    char* end = nullptr;
    std::int64_t time = std::strtoll(at, &end, 10);
    if (*end != ',') {   // ISO 8601
      const std::size_t comma = line.find(',');
      if (comma == std::string::npos) continue;
      const auto moment = selvedge::base::parse_time(std::string_view(line).substr(0, comma));
      if (!moment) continue;
      time = moment->ns / 1'000'000;
      end = line.data() + comma;
    }
    for (Series& series : all) {
      if (*end != ',') break;
      at = end + 1;
      const double value = std::strtod(at, &end);
      if (end == at) break;
      series.times.push_back(time);
      series.values.push_back(value);
    }
  }
  std::erase_if(all, [](const Series& series) { return series.values.empty(); });
  return all;
}

// Correctly rounded from the decimal text, as a sensor's readings are.
double decimals(double value, int places) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", places, value);
  return std::strtod(text, nullptr);
}

}  // namespace

std::vector<Series> load_folder(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".csv") paths.push_back(entry.path());
  std::ranges::sort(paths);
  std::vector<Series> all;
  for (const auto& path : paths)
    for (Series& series : load_file(path)) all.push_back(std::move(series));
  return all;
}

std::vector<Series> synthetic_series() {
  constexpr std::size_t count = 50'000;
  std::vector<Series> all;
  std::mt19937_64 random(1);
  std::normal_distribution<double> noise;
  const auto add = [&](const char* name, std::int64_t jitter_ms, auto&& value_at) {
    Series series{"synthetic", name, {}, {}, true};
    for (std::size_t i = 0; i < count; ++i) {
      const auto late = jitter_ms > 0 ? static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(jitter_ms)) : 0;
      series.times.push_back(1'700'000'000'000 + static_cast<std::int64_t>(i) * 1000 + late);
      series.values.push_back(value_at(i));
    }
    all.push_back(std::move(series));
  };
  double walk = 20, load = 0;
  add("temperature_c", 0, [&](std::size_t i) {
    walk += 0.02 * noise(random);
    return decimals(walk + 5 * std::sin(static_cast<double>(i) / 7000), 1);
  });
  add("humidity_pct", 3, [&](std::size_t i) { return decimals(50 + 10 * std::sin(static_cast<double>(i) / 9000) + 0.05 * noise(random), 2); });
  add("average", 0, [&](std::size_t) { return std::round(walk += 0.3 * noise(random)) / 3; });
  add("vibration_g", 0, [&](std::size_t) { return static_cast<double>(static_cast<float>(noise(random))); });
  add("counter", 20, [&](std::size_t i) { return static_cast<double>(i * 3 + random() % 3); });
  add("power_kw", 0, [&](std::size_t) {
    if (random() % 300 == 0) load = static_cast<double>(random() % 4000) / 1000;
    return decimals(load + std::abs(0.01 * noise(random)), 3);
  });
  return all;
}

}  // namespace bench
