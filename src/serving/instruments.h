// Instruments: what /metrics shows of the models, one set for each name. Models come and go, and
// instruments stay, so only so many names have their own; the others share "other". Belongs to the
// loop thread.

#pragma once

#include <map>
#include <string>

#include "base/metrics.h"
#include "base/time.h"
#include "infer/answer.h"

namespace selvedge::serving {

struct ModelInstruments {
  base::Counter* requests = nullptr;
  base::Counter* failures = nullptr;
  base::Counter* refused = nullptr;                // the queue was full, or nothing served
  base::Counter* dropped = nullptr;                // for a newer picture
  base::Histogram* queue = nullptr;
  base::Histogram* decode = nullptr;
  base::Histogram* prepare = nullptr;
  base::Histogram* infer = nullptr;
  base::Histogram* finish = nullptr;

  void observe(base::Duration waited, const infer::Timings& timings);
};

class Instruments {
 public:
  explicit Instruments(base::Registry& registry);

  ModelInstruments& of(const std::string& model);
  void loaded(bool well, base::Duration took);

  static constexpr std::size_t most_names = 200;

 private:
  base::Registry& registry_;
  std::map<std::string, ModelInstruments, std::less<>> models_;
  base::Counter* loads_;
  base::Counter* failed_loads_;
  base::Histogram* load_seconds_;
};

}  // namespace selvedge::serving
