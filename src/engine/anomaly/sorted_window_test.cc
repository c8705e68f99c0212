#include "engine/anomaly/sorted_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace selvedge::engine {
namespace {

double middle(std::vector<double> values) {
  std::ranges::sort(values);
  return values[(values.size() - 1) / 2];
}

TEST(SortedWindow, SaysWhatSortingSays) {
  std::mt19937_64 random(3);
  for (const std::uint32_t capacity : {1U, 2U, 3U, 8U, 31U, 64U}) {
    SortedWindow window(capacity);
    std::vector<double> all;
    for (int i = 0; i < 400; ++i) {
      const double value = static_cast<double>(random() % 20) - 10;   // many are equal
      window.add(value);
      all.push_back(value);
      if (all.size() > capacity) all.erase(all.begin());
      const double m = middle(all);
      ASSERT_EQ(window.median(), m);
      std::vector<double> deviations;
      double sum = 0;
      for (const double v : all) deviations.push_back(std::abs(v - m)), sum += std::abs(v - m);
      ASSERT_EQ(window.deviation(), middle(deviations)) << "capacity " << capacity << " at " << i;
      ASSERT_DOUBLE_EQ(window.mean_deviation(), sum / static_cast<double>(all.size()));
      ASSERT_EQ(window.oldest(0), all.front());
    }
  }
}

TEST(SortedWindow, ComesBackFromItsBytesAndRefusesOthers) {
  SortedWindow window(5);
  for (const double value : {5.0, 1.0, 4.0, 1.0, 9.0, 2.0, 6.0}) window.add(value);
  base::Bytes bytes;
  base::Writer out(bytes);
  window.save(out);
  SortedWindow again(5);
  base::Reader in(bytes);
  ASSERT_TRUE(again.restore(in));
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(again.median(), window.median());
  again.add(7), window.add(7);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(again.oldest(i), window.oldest(i));
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    base::Reader part(base::BytesView(bytes).first(cut));
    SortedWindow cut_window(5);
    EXPECT_FALSE(cut_window.restore(part)) << cut;
  }
  SortedWindow smaller(4);
  base::Reader more(bytes);
  EXPECT_FALSE(smaller.restore(more));
}

}  // namespace
}  // namespace selvedge::engine
