// codec_bench: the block codec beside others on the same series, in one run (scripts/bench codec).
//
//   codec_bench [--data FOLDER] [--json] [--rounds N] [--quick] [--match TEXT] [--only CODEC] [--samples N]
//
// --quick is one pass of ours and the chain for sizes alone, in seconds; with --match a series, for who
// works on a codec. What is measured and how: docs/benchmarks.md.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>

#include "codec/report.h"

namespace {

using namespace std::string_view_literals;

struct Options {
  std::string data, match, pcodec_file = "bench/codec/pcodec12.tsv";
  bool json = false, quick = false;
  bench::Plan plan;
};

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "codec_bench: %s\n", why.c_str());
  std::exit(2);
}

std::size_t number(const char* text, const char* flag) {
  char* end = nullptr;
  const unsigned long long value = std::strtoull(text, &end, 10);
  if (end == text || *end != 0 || value == 0 || value > 1'000'000'000) refuse(std::string(flag) + ": expected a number above 0");
  return static_cast<std::size_t>(value);
}

Options options_of(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const auto next = [&] {
      if (i + 1 >= count) refuse(std::string(word) + ": a value is missing");
      return words[++i];
    };
    if (word == "--json"sv) options.json = true;
    else if (word == "--quick"sv) options.quick = true;
    else if (word == "--data"sv) options.data = next();
    else if (word == "--match"sv) options.match = next();
    else if (word == "--only"sv) options.plan.only = next();
    else if (word == "--pcodec"sv) options.pcodec_file = next();
    else if (word == "--rounds"sv) options.plan.rounds = static_cast<unsigned>(number(next(), "--rounds"));
    else if (word == "--samples"sv) options.plan.most_samples = number(next(), "--samples");
    else refuse("unknown option '" + std::string(word) + "'");
  }
  return options;
}

}  // namespace

int main(int count, char** words) {
  Options options = options_of(count, words);
  bench::Results results;
  std::vector<bench::Series> series;
  if (!options.data.empty()) {
    series = bench::load_folder(options.data);
    results.data = options.data;
    if (series.empty()) refuse("no CSV files with series in " + options.data);
  } else {
    series = bench::synthetic_series();
    results.data = "a synthetic set (no --data, so that the numbers say little)";
  }
  std::erase_if(series, [&](const bench::Series& one) { return one.id().find(options.match) == std::string::npos; });
  if (series.empty()) refuse("no series has '" + options.match + "' in its name");
  // A file's clock is that of its first series that was chosen.
  for (std::size_t i = 0; i < series.size(); ++i) series[i].first_of_file = i == 0 || series[i - 1].file != series[i].file;

  std::vector<bench::Codec> codecs;
  bench::add_ours(codecs);
  bench::add_schemes(codecs);
  bench::add_compressors(codecs);
  std::vector<double> bounds = {1e-5, 1e-4, 1e-3, 4e-3, 8e-3, 2e-2};
  if (options.quick) {
    options.plan.speeds = false;
    bounds = {8e-3};
    std::erase_if(codecs, [](const bench::Codec& codec) {
      return !codec.name.starts_with("selvedge") && codec.name != "zstd-3" && codec.name != "dec-delta-varint-zstd3";
    });
  }
  results.series = series.size();
  results.plan = options.plan;
  results.pcodec_file = options.pcodec_file;
  results.rows = bench::measure(series, codecs, options.plan);
  results.lossy = bench::measure_lossy(series, bounds, options.plan);
  options.json ? bench::print_json(results) : bench::print_tables(results);
  for (const bench::Row& row : results.rows)
    if (!row.good) return 1;
  return 0;
}
