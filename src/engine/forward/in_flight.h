// InFlight: the messages that were sent and not yet wholly acknowledged, and which blocks are in
// them. A block is in at most one message. Pure.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "engine/forward/range_set.h"

namespace selvedge::engine {

enum class Lane : std::uint8_t { live, backlog };

class InFlight {
 public:
  using Range = RangeSet::Range;

  // `blocks` ascending, none of them in flight.
  void add(Lane lane, const std::vector<std::uint64_t>& blocks, std::uint64_t bytes,
           base::Instant now);
  // Takes those of first..last that are in flight out, and tells which.
  std::vector<Range> take(std::uint64_t first, std::uint64_t last);
  // Says that an acknowledgement has arrived; the blocks it names are for take().
  void note_progress(base::Instant now) { progress_at_ = now; }
  // Takes out what is late: sent `timeout` ago, and either a later message has been acknowledged or
  // nothing has for `timeout`. (On a slow link acknowledgements come in late, but one by one; what
  // still waits its turn there must not be sent twice.)
  std::vector<Range> take_late(base::Instant now, base::Duration timeout);
  // When the next message will be late if nothing happens.
  std::optional<base::Instant> late_at(base::Duration timeout) const;
  std::vector<Range> take_all();

  std::optional<Range> find(std::uint64_t block) const;       // a run of blocks around it
  std::optional<std::uint64_t> next_start(std::uint64_t block) const;
  std::uint64_t bytes(Lane lane) const { return bytes_[static_cast<std::size_t>(lane)]; }
  std::uint64_t bytes() const { return bytes_[0] + bytes_[1]; }
  std::size_t messages() const { return messages_.size(); }
  bool empty() const { return messages_.empty(); }

 private:
  struct Message {
    Lane lane{};
    base::Instant sent_at{};
    std::uint64_t bytes = 0;   // of the blocks left in it
    std::uint64_t blocks = 0;
    std::vector<Range> runs;   // as it was sent
  };
  struct Run {
    std::uint64_t last = 0;
    std::uint64_t message = 0;
  };
  void release(std::uint64_t message, std::uint64_t blocks);
  void take_of(std::uint64_t message, std::uint64_t first, std::uint64_t last,
               std::vector<Range>& taken);

  std::map<std::uint64_t, Run> runs_;          // by first block; apart or of different messages
  std::map<std::uint64_t, Message> messages_;  // by number, so in order of sending
  std::uint64_t next_message_ = 1;
  std::uint64_t latest_taken_ = 0;             // message of which something was taken
  base::Instant progress_at_{INT64_MIN};
  std::uint64_t bytes_[2] = {0, 0};
};

}  // namespace selvedge::engine
