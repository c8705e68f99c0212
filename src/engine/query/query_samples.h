// What the tests of queries share: random series cut into blocks that overlap, and asking.

#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "engine/query/query.h"

namespace selvedge::engine {

enum class EqualTimes : std::uint8_t { none, some };

struct RandomSeries {
  codec::Columns all;                    // in time order; equal times in the order they are fed in
  std::vector<codec::Columns> blocks;    // in the order they are fed in
};

inline double number_of(const model::ValueView& value) {
  if (value.kind == model::Kind::float64) return value.float64;
  return value.kind == model::Kind::int64 ? static_cast<double>(value.int64) : (value.boolean ? 1 : 0);
}

// Each reading goes to one of the two or three blocks that are open, so that blocks overlap.
inline RandomSeries random_series(std::mt19937_64& random, model::Kind kind, EqualTimes equal) {
  RandomSeries series;
  std::int64_t time = 1'760'000'000'000'000'000;
  const std::size_t count = 1 + random() % 600;
  std::vector<codec::Columns> open(1 + random() % 3);
  for (codec::Columns& columns : open) columns.kind = kind;
  for (std::size_t i = 0; i < count; ++i) {
    if (equal == EqualTimes::none || random() % 8 != 0)
      time += 1 + static_cast<std::int64_t>(random() % 2'000'000'000);
    const auto number = static_cast<std::int64_t>(random() % 2'000'001) - 1'000'000;
    const double scale = random() % 50 == 0 ? 1e12 : 1e-3;
    codec::Columns& into = open[random() % open.size()];
    switch (kind) {
      case model::Kind::float64:
        into.push({time}, model::ValueView::of(static_cast<double>(number) * scale));
        break;
      case model::Kind::int64: into.push({time}, model::ValueView::of(number)); break;
      default: into.push({time}, model::ValueView::of(number > 0)); break;
    }
    if (random() % 20 != 0) continue;
    series.blocks.push_back(into);
    into.clear();
  }
  for (codec::Columns& rest : open)
    if (rest.size() > 0) series.blocks.push_back(rest);
  std::shuffle(series.blocks.begin(), series.blocks.end(), random);

  std::vector<std::pair<std::int64_t, model::ValueView>> fed;
  for (const codec::Columns& block : series.blocks)
    for (std::size_t i = 0; i < block.size(); ++i) fed.emplace_back(block.times[i], block.at(i));
  std::stable_sort(fed.begin(), fed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  series.all.kind = kind;
  for (const auto& [at, value] : fed) series.all.push({at}, value);
  return series;
}

enum class Outline : std::uint8_t { none, given };

// Blocks that need no frame are fed without one; some are fed as open columns.
inline QueryResult ask(const QueryRange& range, const RandomSeries& series, std::mt19937_64& random,
                       Outline outline = Outline::none) {
  Query query(range);
  if (outline == Outline::given && query.wants_outline()) {
    std::vector<SourceExtent> sources;
    for (const codec::Columns& block : series.blocks) {
      const auto [first, last] = std::ranges::minmax(block.times);
      sources.push_back({{first}, {last}});
    }
    query.outline(sources);
  }
  for (const codec::Columns& content : series.blocks) {
    if (random() % 10 == 0) {
      EXPECT_TRUE(query.open(content));
      continue;
    }
    base::Bytes frame;
    const auto summary = codec::encode_frame(content, frame).value();
    if (!query.needs_frame(summary)) frame.clear();
    const auto fed = query.block(summary, frame);
    EXPECT_TRUE(fed) << fed.error().message;
  }
  auto result = query.finish();
  EXPECT_TRUE(result) << result.error().message;
  return std::move(*result);
}

inline QueryRange random_range(const RandomSeries& series, std::mt19937_64& random) {
  const std::int64_t first = series.all.times.front(), last = series.all.times.back();
  const auto span = static_cast<std::uint64_t>(last - first + 4'000'000'000);
  const std::int64_t a = first - 2'000'000'000 + static_cast<std::int64_t>(random() % span);
  const std::int64_t b = first - 2'000'000'000 + static_cast<std::int64_t>(random() % span);
  QueryRange range;
  range.from = {random() % 3 == 0 ? first - 7 : std::min(a, b)};
  range.to = {random() % 3 == 0 ? last + 1 : std::max(a, b)};
  return range;
}

}  // namespace selvedge::engine
