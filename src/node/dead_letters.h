// DeadLetters: messages that could not be taken as readings, with the reason, for a person to see.
//
// A bounded log on disk; the oldest go first. Writing is best effort and never holds up ingest: a
// flood of bad messages is counted in full and written up to a rate. Belongs to the loop thread.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "os/world.h"
#include "store/segment_log.h"

namespace selvedge::node {

struct DeadLetter {
  base::Time at{};
  std::string source;                // topic or endpoint
  std::string device, reason;
  base::Bytes payload;               // at most 4 KiB of it
  std::uint64_t payload_bytes = 0;   // all of it
};

class DeadLetters {
 public:
  static base::Result<std::unique_ptr<DeadLetters>> open(os::World& world, std::string_view state,
                                                         std::uint64_t bytes,
                                                         base::Registry& metrics);

  void add(std::string_view source, std::string_view device, std::string_view reason,
           base::BytesView payload);
  void set_bytes(std::uint64_t bytes);
  // The newest first.
  base::Result<std::vector<DeadLetter>> list(std::size_t limit);
  std::uint64_t count() const { return counted_->value(); }

 private:
  DeadLetters(os::World& world, base::Registry& metrics);

  os::World& world_;
  std::unique_ptr<store::SegmentLog> log_;
  base::Counter* counted_;
  base::log::Throttle lines_{20, std::chrono::seconds(10)};
  base::Instant second_{};
  std::uint32_t this_second_ = 0;
};

}  // namespace selvedge::node
