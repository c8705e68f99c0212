// Bytes of a sketch: whatever they are, a sketch that is read answers, is saved as it was and merges.

#include "base/result.h"
#include "engine/sketch/quantile_sketch.h"

using selvedge::engine::QuantileSketch;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  selvedge::base::Reader in({data, size});
  auto sketch = QuantileSketch::restore(in);
  if (!sketch) return 0;
  for (const double share : {-1.0, 0.0, 0.5, 0.99, 1.0}) {
    const double value = sketch->quantile(share);
    CHECK(sketch->count() == 0 || value == value);
  }
  selvedge::base::Bytes saved;
  selvedge::base::Writer out(saved);
  sketch->save(out);
  selvedge::base::Reader again(saved);
  const auto same = QuantileSketch::restore(again);
  CHECK(same && *same == *sketch && again.at_end());
  QuantileSketch twice = *sketch;
  twice.merge(*sketch);
  CHECK(twice.count() == 2 * sketch->count());
  CHECK(twice.bytes() <= sizeof twice + 4 * QuantileSketch::most_buckets * 8);
  return 0;
}
