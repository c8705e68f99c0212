// Fast columns by themselves: fit of the number model, fast integers, and back to doubles, beside
// memcpy in the same rounds. Every block is decoded and compared bit for bit.
//
//   fast_bench [--block N] [--path NAME] FILE.csv...    ts_ms,column,...; prints a line for each
//   column
//
// GB/s of doubles, CPU time of the thread, median of rounds. `integers` are put_fast and take_fast
// alone.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "codec/numbers/fast.h"
#include "codec/numbers/fast_paths.h"
#include "codec/numbers/number_model.h"

using namespace selvedge;

namespace {

constexpr std::size_t most_samples = 100'000, rounds = 7;

struct Series {
  std::string name;
  std::vector<double> values;
};

std::vector<Series> load(const char* path) {
  std::vector<Series> all;
  std::FILE* file = std::fopen(path, "r");
  char line[4096];
  if (file == nullptr || std::fgets(line, sizeof line, file) == nullptr) return all;
  for (char* name = std::strtok(line, ",\r\n"); name != nullptr;
       name = std::strtok(nullptr, ",\r\n"))
    all.push_back({std::string(path).substr(std::string(path).rfind('/') + 1) + "/" + name, {}});
  if (!all.empty()) all.erase(all.begin());
  for (std::size_t n = 0; n < most_samples && std::fgets(line, sizeof line, file) != nullptr; ++n) {
    char* at = std::strchr(line, ',');
    for (Series& series : all)
      if (at != nullptr) series.values.push_back(std::strtod(at + 1, &at));
  }
  std::fclose(file);
  return all;
}

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Block {
  std::span<const double> values;
  codec::Numbers numbers;
  base::Bytes bytes, integers;
  std::vector<double> back;

  void encode() {
    bytes.clear();
    base::Writer out(bytes);
    codec::fit(values, codec::Effort::fast, {}, numbers);
    codec::put_numbers(out, numbers);
    codec::put_fast(out, numbers.integers);
  }
  bool decode() {
    base::Reader in(bytes);
    codec::NumberModel model;
    codec::Patches patches;
    return codec::take_numbers(in, values.size(), model, patches) &&
           codec::take_fast(in, model, back) && codec::apply(model, patches, back);
  }
  void encode_integers() {
    integers.clear();
    base::Writer out(integers);
    codec::put_fast(out, numbers.integers);
  }
  bool decode_integers() {
    base::Reader in(integers);
    return codec::take_fast(in, numbers.model, back);
  }
};

// GB/s of each of the jobs over the blocks, visited in turn.
template <typename... Jobs>
std::vector<double> speeds(std::vector<Block>& blocks, std::size_t values, Jobs... jobs) {
  const std::size_t repeats = std::max<std::size_t>(1, 400'000 / values);
  std::vector<std::vector<double>> all(sizeof...(jobs));
  for (std::size_t round = 0; round < rounds; ++round) {
    std::size_t which = 0;
    const auto time = [&](auto job) {
      const double start = cpu_seconds();
      for (std::size_t i = 0; i < repeats; ++i)
        for (Block& block : blocks) job(block);
      all[which++].push_back(8e-9 * static_cast<double>(repeats * values) /
                             (cpu_seconds() - start));
    };
    (time(jobs), ...);
  }
  std::vector<double> medians;
  for (auto& one : all) {
    std::sort(one.begin(), one.end());
    medians.push_back(one[one.size() / 2]);
  }
  return medians;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t size = 10'000;
  std::vector<double> logs(6);
  int series_measured = 0;
  std::printf("%-40s %6s %7s %7s %8s %8s %7s\n", "column", "ratio", "encode", "decode", "integers",
              "integers", "memcpy");
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--block" && i + 1 < argc) {
      size = std::strtoull(argv[++i], nullptr, 10);
      continue;
    }
    if (argument == "--path" && i + 1 < argc) {
      if (codec::force_fast_path(argv[++i])) continue;
      std::fprintf(stderr, "fast_bench: no path %s here\n", argv[i]);
      return 1;
    }
    for (const Series& series : load(argv[i])) {
      const std::size_t length = std::min(size, series.values.size());
      if (length == 0 || series.values.size() < size / 4)
        continue;  // too short for blocks of this size
      std::vector<Block> blocks(series.values.size() / length);
      std::size_t bytes = 0;
      for (std::size_t k = 0; k < blocks.size(); ++k) {
        Block& block = blocks[k];
        block.values = std::span(series.values).subspan(k * length, length);
        block.back.resize(length);
        block.encode();
        if (!block.decode() ||
            std::memcmp(block.back.data(), block.values.data(), length * 8) != 0) {
          std::printf("%s: block %zu comes back different\n", series.name.c_str(), k);
          return 1;
        }
        block.encode_integers();
        bytes += block.bytes.size();
      }
      const std::size_t values = blocks.size() * length;
      const std::vector<double> speed = speeds(
          blocks, values, [](Block& b) { b.encode(); }, [](Block& b) { b.decode(); },
          [](Block& b) { b.encode_integers(); }, [](Block& b) { b.decode_integers(); },
          [](Block& b) {
            std::memcpy(b.back.data(), b.values.data(), b.back.size() * sizeof(double));
          });
      const double ratio = 8.0 * static_cast<double>(values) / static_cast<double>(bytes);
      logs[0] += std::log(ratio);
      for (std::size_t k = 0; k < speed.size(); ++k) logs[k + 1] += std::log(speed[k]);
      ++series_measured;
      std::printf("%-40s %6.2f %7.2f %7.2f %8.2f %8.2f %7.2f\n", series.name.c_str(), ratio,
                  speed[0], speed[1], speed[2], speed[3], speed[4]);
    }
  }
  if (series_measured == 0) {
    std::fprintf(stderr, "usage: fast_bench [--block N] [--path NAME] FILE.csv...\n");
    return 1;
  }
  for (double& sum : logs) sum = std::exp(sum / series_measured);
  std::printf("%-40s %6.2f %7.2f %7.2f %8.2f %8.2f %7.2f\n",
              ("geometric mean, " + std::string(codec::fast_path())).c_str(), logs[0], logs[1],
              logs[2], logs[3], logs[4], logs[5]);
  return 0;
}
