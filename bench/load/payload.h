// PayloadMaker: what the messages carry: readings that look like a sensor's, or random bytes.
//
// No reading of a source is like another: the values climb in uneven steps of hundredths and start
// again, times go up. So nothing is saved by a store that recognises repetitions.

#pragma once

#include <cstdint>
#include <string>

#include "load/options.h"

namespace selvedge::bench {

// One sensor, or one sender of batches.
struct Source {
  std::uint32_t number = 0;
  std::uint32_t random = 0;
  std::uint32_t hundredths = 1000;
  std::uint64_t time_ns = 0;       // of its last reading
};

class PayloadMaker {
 public:
  explicit PayloadMaker(const Options& options);

  Source source(std::uint32_t number) const;
  // The next payload of a source; the reference is good until the next call.
  const std::string& next(Source& source);
  std::uint32_t readings() const { return batch_ ? options_.batch_readings : 1; }

 private:
  void append_reading(std::uint64_t time_ns, std::uint32_t hundredths);
  void make_json_batch(Source& source);
  void make_lines(Source& source);

  const Options& options_;
  bool batch_, lines_;
  std::string payload_;
};

}  // namespace selvedge::bench
