// QuantileSketch: quantiles of any number of values in bounded memory, each within 1 % of the value.
//
// DDSketch (Masson, Rim and Lee, VLDB 2019): counts in buckets whose bounds grow by a constant factor, so
// that the middle of a bucket is within 1 % of whatever fell into it. The logarithm is the cubic
// interpolation between powers of two, chosen so that its coefficients are whole numbers: no libm, the
// same buckets on every machine. 35 buckets an octave.
//
// Negative values, zero and infinities are counted too; NaN is not. Buckets of each sign span at most
// 2048 places; when values spread over more (a factor of about 4 * 10^17), those nearest to zero share the
// lowest bucket: for them the error is below 1e-17 of the largest magnitude instead. A merge gives
// exactly the sketch of all values together, in whatever order. At most 64 KiB, mostly below one; belongs
// to one thread.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/wire.h"

namespace selvedge::engine {

class QuantileSketch {
 public:
  static constexpr std::size_t most_buckets = 2048;   // of each sign

  void add(double value);
  void add(std::span<const double> values);
  void merge(const QuantileSketch& other);

  // How many values, without NaN.
  std::uint64_t count() const { return count_; }
  // About the value at place floor(share * (count - 1)) of the sorted values, counted from 0; never
  // outside of the smallest and the largest. NaN if there are none. `share` is taken into [0, 1].
  double quantile(double share) const;

  // Of memory, with the object itself.
  std::size_t bytes() const;
  void save(base::Writer& out) const;
  // Code::corrupt if these are not the bytes of a sketch.
  static base::Result<QuantileSketch> restore(base::Reader& in);

  friend bool operator==(const QuantileSketch&, const QuantileSketch&) = default;

 private:
  // Counts of one sign by magnitude: counts[i] belongs to bucket lowest + i. The first and the last
  // are not 0.
  struct Side {
    std::int32_t lowest = 0;
    std::vector<std::uint64_t> counts;

    void add(std::int32_t bucket, std::uint64_t times);
    void merge(const Side& other);
    std::uint64_t total() const;
    void save(base::Writer& out) const;
    bool restore(base::Reader& in);
    friend bool operator==(const Side&, const Side&) = default;
  };

  Side positive_, negative_;
  std::uint64_t count_ = 0;                           // of all together
  std::uint64_t zeros_ = 0, above_ = 0, below_ = 0;   // above_, below_: infinities
  double min_ = 0, max_ = 0;                          // meaningless without values
};

}  // namespace selvedge::engine
