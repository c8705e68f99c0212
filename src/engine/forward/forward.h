// Forward: which blocks a node sends when, and which it may forget.
//
// Live blocks (sealed while connected) go out at once; the backlog (sealed before this connection,
// or live ones that found the window full) drains beside them in its own window, oldest first. A
// block counts as delivered only when the cloud's Ack names it; blocks that were sent and not
// acknowledged within `ack_timeout`, or before the connection was lost, are sent again. The time-out
// starts anew with each acknowledgement of an earlier message, so that a slow link is not made
// slower. Reconnecting starts the drain by itself. The pause before a new attempt doubles from
// `backoff_first` to `backoff_max`, with full jitter, and starts over only after a connection has
// lasted `stable_after`.
//
// Holds numbers only, never frames: memory does not grow with the backlog. What was acknowledged
// out of order is kept as at most `ranges` ranges; past that it is asked for again and the store,
// which was told of it, leaves it out. At most `ranges` messages are in flight.
//
// An acknowledgement counts only for blocks that were sent (in this run, or perhaps in an earlier
// one); any other is ignored, so a wrong one cannot lose data. If nothing at all is acknowledged for
// two `ack_timeout`s the connection is taken for dead.
//
// step(input, now) -> outputs; no clock, no I/O, no randomness of its own (jitter comes in).

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.h"
#include "codec/uplink/uplink.h"
#include "model/block.h"

namespace selvedge::engine {

struct ForwardLimits {
  std::uint64_t live_window_bytes = 1 << 20;     // sent and not acknowledged
  std::uint64_t backlog_window_bytes = 4 << 20;
  std::uint64_t batch_bytes = 64 << 10;          // of one message
  // Cap on the uplink, 0: none. Over any second no more is sent than this and one message, which
  // is then at most an eighth of it (or one block).
  std::uint64_t bytes_per_second = 0;
  base::Duration ack_timeout = std::chrono::seconds(30);
  base::Duration backoff_first = std::chrono::milliseconds(250);
  base::Duration backoff_max = std::chrono::seconds(60);
  base::Duration stable_after = std::chrono::seconds(30);
  std::uint32_t ranges = 4096;
};

// Asks the host to read undelivered blocks first..last from the store (`last` is a bound, not a
// promise) and send them in one message, oldest first, at most max_bytes or one block; the host
// answers with Forward::sent, or Forward::unread. One live and one backlog question are open at a
// time. A question is void once disconnected() was called: an answer to it is ignored.
struct SendBlocks {
  model::BlockSeq first{}, last{};
  std::uint64_t max_bytes = 0;
  bool live = false;
};

struct ForwardOutputs {
  bool connect = false;                          // open a connection now
  bool disconnect = false;                       // it is stuck: close it
  std::vector<SendBlocks> sends;
  std::vector<codec::uplink::Range> delivered;   // tell the store
};

struct ForwardStats {
  bool connected = false;
  std::uint64_t blocks_sent = 0, blocks_resent = 0, blocks_acknowledged = 0, bytes_sent = 0;
  std::uint64_t in_flight_bytes = 0;
  std::uint64_t connects = 0, connect_failures = 0;
  base::Duration backoff{};
};

class Forward {
 public:
  // Undelivered blocks of an earlier run: first_undelivered..last_sealed (none: nothing).
  Forward(ForwardLimits limits, model::Epoch epoch, model::BlockSeq first_undelivered,
          model::BlockSeq last_sealed);
  ~Forward();

  void start(base::Instant now, ForwardOutputs& out);
  void sealed(model::BlockSeq seq, std::size_t frame_bytes, base::Instant now, ForwardOutputs& out);
  void connected(base::Instant now, ForwardOutputs& out);
  // `jitter` in [0, 1) picks the pause.
  void disconnected(double jitter, base::Instant now, ForwardOutputs& out);
  // The host sent these blocks, ascending (`bytes` in all). There may be fewer than were asked for,
  // or none: of blocks from an earlier run those left out are then taken as delivered; those sealed
  // in this run are asked for again after `ack_timeout`. What was not yet sent of a longer answer is
  // asked for at once.
  void sent(const SendBlocks& asked, const std::vector<model::BlockSeq>& blocks,
            std::uint64_t bytes, base::Instant now, ForwardOutputs& out);
  // The store could not be read: nothing was sent, and it is to be asked again later.
  void unread(const SendBlocks& asked, base::Instant now, ForwardOutputs& out);
  void acknowledged(const codec::uplink::Ack& ack, base::Instant now, ForwardOutputs& out);
  // The store dropped undelivered blocks before `first` (when full).
  void dropped_before(model::BlockSeq first, base::Instant now, ForwardOutputs& out);

  // Rates, windows and times; `ranges` stays.
  void set_limits(const ForwardLimits& limits, base::Instant now, ForwardOutputs& out);
  void tick(base::Instant now, ForwardOutputs& out);
  std::optional<base::Instant> wake_at() const;
  const ForwardStats& stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::engine
