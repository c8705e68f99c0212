// What queries cost: 10 million readings in blocks of 4,096, asked for windows, quantiles and charts, with
// what headers and single columns spare, against decoding every block of the range.
//
//   query_bench [--readings N] [--rounds N] [--json]
//
// CPU time of the thread, median of the rounds. "all": the same answer with every block decoded first.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "engine/query/query.h"

namespace {

namespace codec = selvedge::codec;
namespace engine = selvedge::engine;
namespace base = selvedge::base;
namespace model = selvedge::model;

constexpr std::size_t per_block = 4096;
constexpr std::int64_t start = 1'760'000'000'000'000'000;
constexpr std::int64_t second = 1'000'000'000;

struct Block {
  model::BlockSummary summary;
  base::Bytes frame;
};

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// A temperature that drifts, once a second, with two decimals.
std::vector<Block> make_blocks(std::size_t readings) {
  std::vector<Block> blocks;
  std::mt19937_64 random(1);
  std::normal_distribution<double> step(0, 0.05);
  double value = 20;
  for (std::size_t i = 0; i < readings;) {
    codec::Columns columns;
    for (std::size_t k = 0; k < per_block && i < readings; ++k, ++i) {
      value += step(random) - (value - 20) * 1e-4;
      columns.push({start + static_cast<std::int64_t>(i) * second},
                   model::ValueView::of(std::round(value * 100) / 100));
    }
    Block& block = blocks.emplace_back();
    auto summary = codec::encode_frame(columns, block.frame);
    if (!summary) std::abort();
    block.summary = *summary;
  }
  return blocks;
}

enum class Feed : std::uint8_t { as_needed, all_decoded };

engine::QueryResult run(const engine::QueryRange& range, const std::vector<Block>& blocks, Feed feed) {
  engine::Query query(range);
  if (query.wants_outline()) {
    std::vector<engine::SourceExtent> sources;
    for (const Block& block : blocks) sources.push_back({block.summary.first_time, block.summary.last_time});
    query.outline(sources);
  }
  codec::Columns columns;
  for (const Block& block : blocks) {
    if (feed == Feed::all_decoded) {
      if (!codec::decode_frame(block.frame, columns) || !query.open(columns)) std::abort();
    } else if (!query.block(block.summary, query.needs_frame(block.summary) ? base::BytesView(block.frame)
                                                                              : base::BytesView())) {
      std::abort();
    }
  }
  auto result = query.finish();
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::abort();
  }
  return std::move(*result);
}

double median_seconds(int rounds, const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const double begin = cpu_seconds();
    work();
    times.push_back(cpu_seconds() - begin);
  }
  std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
  return times[static_cast<std::size_t>(rounds / 2)];
}

// Charts must be the same to the byte; windows may differ where sums are rounded.
bool alike(const engine::QueryRange& range, const engine::QueryResult& a, const engine::QueryResult& b) {
  if (range.downsample) return engine::to_json("s", range, a) == engine::to_json("s", range, b);
  return std::ranges::equal(a.windows, b.windows, [](const engine::WindowRow& x, const engine::WindowRow& y) {
    return x.start == y.start && x.count == y.count;
  });
}

struct Question {
  std::string name;
  engine::QueryRange range;
};

std::vector<Question> questions(std::size_t readings) {
  using engine::Aggregate;
  engine::QueryRange all;
  all.from = {start};
  all.to = {start + static_cast<std::int64_t>(readings) * second};
  all.rows = engine::QueryRange::most_windows;
  const auto windows = [&](std::int64_t seconds, std::vector<Aggregate> aggregates) {
    engine::QueryRange range = all;
    range.step = base::Duration(seconds * second);
    range.aggregates = std::move(aggregates);
    return range;
  };
  const auto chart = [&](engine::Downsample how) {
    engine::QueryRange range = all;
    range.downsample = how;
    range.points = 1000;
    range.held_readings = readings;
    return range;
  };
  engine::QueryRange sliding = windows(86400, {Aggregate::mean, Aggregate::max});
  sliding.window = base::Duration(7 * 86400 * second);
  return {{"day windows: mean, min, max", windows(86400, {Aggregate::mean, Aggregate::min, Aggregate::max})},
          {"week windows each day: mean, max", sliding},
          {"hour windows: mean", windows(3600, {Aggregate::mean})},
          {"hour windows: count", windows(3600, {Aggregate::count})},
          {"day windows: p99", windows(86400, {{Aggregate::quantile, 990'000}})},
          {"day windows: stddev", windows(86400, {Aggregate::stddev})},
          {"day windows: time-weighted mean", windows(86400, {Aggregate::time_weighted_mean})},
          {"m4, 1000 points", chart(engine::Downsample::m4)},
          {"minmax, 1000 points", chart(engine::Downsample::minmax)},
          {"lttb, 1000 points", chart(engine::Downsample::lttb)}};
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t readings = 10'000'000;
  int rounds = 5;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) json = true;
    else if (std::strcmp(argv[i], "--readings") == 0 && i + 1 < argc) readings = std::strtoull(argv[++i], nullptr, 10);
    else if (std::strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) rounds = std::atoi(argv[++i]);
    else return std::fprintf(stderr, "usage: query_bench [--readings N] [--rounds N] [--json]\n"), 2;
  }
  if (readings < 1000 || readings > 1'000'000'000 || rounds < 1 || rounds > 1000)
    return std::fprintf(stderr, "query_bench: 1000 to 10^9 readings, 1 to 1000 rounds\n"), 2;
  const std::vector<Block> blocks = make_blocks(readings);
  std::size_t bytes = 0;
  for (const Block& block : blocks) bytes += block.frame.size();
  if (json)
    std::printf("{\"readings\":%zu,\"blocks\":%zu,\"frame_bytes\":%zu,\"queries\":[", readings, blocks.size(), bytes);
  else
    std::printf("%zu readings in %zu blocks, %zu bytes\n%-34s %7s %9s %8s %9s %9s %7s\n", readings, blocks.size(),
                bytes, "query", "rows", "headers", "decoded", "ms", "all, ms", "ratio");
  bool first = true;
  for (const Question& question : questions(readings)) {
    engine::QueryResult result;
    const double seconds =
        median_seconds(rounds, [&] { result = run(question.range, blocks, Feed::as_needed); });
    engine::QueryResult plain;
    const double all = median_seconds(rounds, [&] { plain = run(question.range, blocks, Feed::all_decoded); });
    if (!alike(question.range, result, plain)) {
      std::fprintf(stderr, "query_bench: %s: the answers differ\n", question.name.c_str());
      return 1;
    }
    const std::size_t rows = result.windows.size() + result.readings.size();
    if (json)
      std::printf("%s{\"query\":\"%s\",\"rows\":%zu,\"blocks_from_header\":%llu,\"blocks_decoded\":%llu,"
                  "\"ms\":%.3f,\"all_ms\":%.3f}", first ? "" : ",", question.name.c_str(), rows,
                  static_cast<unsigned long long>(result.blocks_from_header),
                  static_cast<unsigned long long>(result.blocks_decoded), seconds * 1e3, all * 1e3);
    else
      std::printf("%-34s %7zu %9llu %8llu %9.2f %9.2f %6.1fx\n", question.name.c_str(), rows,
                  static_cast<unsigned long long>(result.blocks_from_header),
                  static_cast<unsigned long long>(result.blocks_decoded), seconds * 1e3, all * 1e3,
                  all / seconds);
    first = false;
  }
  if (json) std::printf("]}\n");
  return 0;
}
