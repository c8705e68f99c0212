#include "engine/sketch/quantile_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace selvedge::engine {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

QuantileSketch sketch_of(const std::vector<double>& values) {
  QuantileSketch sketch;
  sketch.add(values);
  return sketch;
}

// The value itself at the place that a sketch speaks of, of values in order.
double at_share(const std::vector<double>& values, double share) {
  // 0.29 * 100 is meant as 29.
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 1e-9)];
}

// Values of one of several kinds that differ much.
std::vector<double> random_values(std::mt19937_64& random) {
  std::vector<double> values(1 + random() % 3000);
  const auto form = random() % 5;
  std::normal_distribution<double> normal(20, 5);
  std::lognormal_distribution<double> wide(0, 4);
  for (double& value : values) {
    switch (form) {
      case 0: value = normal(random); break;
      case 1: value = wide(random); break;
      case 2: value = -wide(random); break;
      case 3: value = random() % 3 == 0 ? 0 : normal(random) - 20; break;
      default: value = std::ldexp(1 + static_cast<double>(random() % 1000) / 1000,
                                  static_cast<int>(random() % 40) - 20); break;
    }
  }
  return values;
}

base::Bytes saved(const QuantileSketch& sketch) {
  base::Bytes bytes;
  base::Writer out(bytes);
  sketch.save(out);
  return bytes;
}

TEST(QuantileSketch, IsWithinOnePercentOfTheValueAtEveryPlace) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::vector<double> values = random_values(random);
    const QuantileSketch sketch = sketch_of(values);
    std::sort(values.begin(), values.end());
    ASSERT_EQ(sketch.count(), values.size());
    for (int i = 0; i <= 1000; i += 5) {
      const double share = i / 1000.0, exact = at_share(values, share);
      ASSERT_LE(std::fabs(sketch.quantile(share) - exact), 0.01 * std::fabs(exact) * (1 + 1e-12))
          << share << " " << exact;
    }
    ASSERT_EQ(sketch.quantile(0), values.front());
    ASSERT_EQ(sketch.quantile(1), values.back());
  }
}

TEST(QuantileSketch, HoldsItsBoundAtTheEdgesOfEveryBucketAndPowerOfTwo) {
  const auto check = [](double value) {
    // Three, so that the one in the middle is not the smallest or largest.
    const double got = sketch_of({0, value, infinity}).quantile(0.5);
    ASSERT_LE(std::fabs(got - value), 0.01 * value) << value;
  };
  for (int exponent = -1000; exponent < 1023; exponent += 1) {
    check(std::ldexp(1, exponent));
    check(std::nextafter(std::ldexp(1, exponent), 0));
  }
  for (double value = 1; value < 2; value += 0.0001) check(value);
  check(std::numeric_limits<double>::max());
  for (int exponent = -1074; exponent < -1060; ++exponent) {
    const double tiny = std::ldexp(1, exponent);
    EXPECT_NEAR(sketch_of({0, tiny, infinity}).quantile(0.5), tiny, 5e-324 + 0.01 * tiny);
  }
}

TEST(QuantileSketch, CountsZeroNegativesAndInfinitiesAndNoNan) {
  const QuantileSketch sketch =
      sketch_of({-infinity, -4, -2, 0, -0.0, 3, infinity, std::nan("")});
  EXPECT_EQ(sketch.count(), 7u);
  const double expected[] = {-infinity, -4, -2, 0, 0, 3, infinity};
  for (int i = 0; i < 7; ++i) {
    const double got = sketch.quantile(i / 6.0 + 1e-9);
    if (std::isfinite(expected[i])) EXPECT_NEAR(got, expected[i], 0.01 * std::fabs(expected[i]));
    else EXPECT_EQ(got, expected[i]);
  }
  EXPECT_TRUE(std::isnan(QuantileSketch().quantile(0.5)));
  EXPECT_EQ(sketch_of({7.25}).quantile(0.9), 7.25);
}

TEST(QuantileSketch, MergesToTheSketchOfAllValuesInWhateverOrder) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    std::vector<QuantileSketch> parts;
    QuantileSketch all;
    for (int i = 0; i < 6; ++i) {
      std::vector<double> values = random_values(random);
      // Some so far apart that the lowest buckets are shared.
      if (random() % 2 == 0)
        for (double& value : values) value = std::ldexp(value, static_cast<int>(random() % 400) - 200);
      parts.push_back(sketch_of(values));
      for (const double value : values) all.add(value);
    }
    QuantileSketch left;                                   // ((a b) c) d ...
    for (const QuantileSketch& part : parts) left.merge(part);
    QuantileSketch right;                                  // a (b (c d)) ...
    for (std::size_t i = parts.size(); i-- > 0;) {
      QuantileSketch joined = parts[i];
      joined.merge(right);
      right = joined;
    }
    ASSERT_EQ(left, all);
    ASSERT_EQ(right, all);
    ASSERT_EQ(saved(left), saved(right));
  }
}

TEST(QuantileSketch, StaysSmallAndRightAboveWhenValuesSpreadOverEveryMagnitude) {
  QuantileSketch sketch;
  std::vector<double> values;
  for (int exponent = -1074; exponent < 1024; ++exponent) {
    values.push_back(std::ldexp(1.5, exponent));
    values.push_back(-std::ldexp(1.5, exponent));
  }
  sketch.add(values);
  std::sort(values.begin(), values.end());
  EXPECT_LE(sketch.bytes(), 64u << 10);
  EXPECT_EQ(sketch.count(), values.size());
  for (const double share : {0.99, 0.995, 0.005, 0.01}) {
    const double exact = at_share(values, share);
    EXPECT_NEAR(sketch.quantile(share), exact, 0.01 * std::fabs(exact));
  }
  EXPECT_LT(std::fabs(sketch.quantile(0.6)), 1e-17 * std::numeric_limits<double>::max());
}

TEST(QuantileSketch, IsSavedAndReadBackAndEveryTruncationIsRefused) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20; ++i) {
    const QuantileSketch sketch = i == 0 ? QuantileSketch() : sketch_of(random_values(random));
    const base::Bytes bytes = saved(sketch);
    base::Reader in(bytes);
    const auto back = QuantileSketch::restore(in);
    ASSERT_TRUE(back);
    EXPECT_TRUE(in.at_end());
    EXPECT_EQ(*back, sketch);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      base::Reader cut(base::BytesView(bytes).first(size));
      ASSERT_FALSE(QuantileSketch::restore(cut)) << size;
    }
  }
}

TEST(QuantileSketch, RefusesBucketsThatCannotBe) {
  const auto with = [](auto&& put) {
    base::Bytes bytes;
    base::Writer out(bytes);
    out.u8(1);
    for (int i = 0; i < 3; ++i) out.varint(0);
    out.f64(1), out.f64(2);
    put(out);
    base::Reader in(bytes);
    const auto read = QuantileSketch::restore(in);
    return read ? base::Code{} : read.error().code;
  };
  const auto corrupt = base::Code::corrupt;
  EXPECT_EQ(with([](base::Writer& out) { out.varint(1u << 30), out.svarint(0); }), corrupt);
  EXPECT_EQ(with([](base::Writer& out) { out.varint(1), out.svarint(1 << 20), out.varint(1), out.varint(0); }), corrupt);
  EXPECT_EQ(with([](base::Writer& out) { out.varint(3), out.svarint(0), out.varint(0), out.varint(50); }), corrupt);
  EXPECT_EQ(with([](base::Writer& out) { out.varint(1), out.svarint(0), out.varint(UINT64_MAX), out.varint(0); }), corrupt);
}

TEST(QuantileSketch, FindsThePlaceThatADoubleFallsShortOf) {
  std::vector<double> values(101);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  for (const int percent : {29, 57, 58}) {
    const double found = sketch_of(values).quantile(percent / 100.0);
    EXPECT_LE(std::abs(found - percent), 0.01 * percent) << percent;
  }
}

}  // namespace
}  // namespace selvedge::engine
