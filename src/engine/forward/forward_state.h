// Forward's state, and the decisions that its events share. Private to engine/forward.
//
// Which blocks are still to be sent is not stored: it is everything from `low` to `last_sealed` that
// is neither acknowledged (`done`) nor in flight. The backlog walks over that from `cursor` upwards
// and stops before what is live; live blocks are those from `live_next` on. A block that finds the
// live window full moves `live_next` past itself and is backlog by that. A message that was lost
// puts `cursor` back.

#pragma once

#include <array>
#include <optional>
#include <vector>

#include "engine/forward/backoff.h"
#include "engine/forward/forward.h"
#include "engine/forward/in_flight.h"
#include "engine/forward/pacer.h"
#include "engine/forward/range_set.h"

namespace selvedge::engine {

enum class LinkState : std::uint8_t { idle, waiting, connecting, connected };

struct Forward::State {
  using Ranges = std::vector<RangeSet::Range>;

  State(ForwardLimits limits, model::Epoch epoch, model::BlockSeq first, model::BlockSeq last);

  // ---- what to send
  void fill(base::Instant now, ForwardOutputs& out);
  bool ask_live(ForwardOutputs& out);
  bool ask_backlog(ForwardOutputs& out);
  void ask(Lane lane, std::uint64_t first, std::uint64_t last, ForwardOutputs& out);
  bool has_room(Lane lane, std::uint64_t wanted) const;
  std::uint64_t window(Lane lane) const;
  std::uint64_t first_unsent(std::uint64_t from) const;
  std::uint64_t last_unsent(std::uint64_t first) const;
  bool anything_to_send() const;

  // ---- what became of it
  bool answers(const SendBlocks& asked);   // closes the question, if it is still open
  std::uint64_t take_answer(const SendBlocks& asked, const std::vector<model::BlockSeq>& blocks,
                            std::vector<std::uint64_t>& sent, base::Instant now);
  void left_out(std::uint64_t first, std::uint64_t last, base::Instant now);
  void settle(std::uint64_t first, std::uint64_t last);
  void move_live(std::uint64_t next);
  void lose(const Ranges& ranges);
  Ranges acknowledge(std::uint64_t first, std::uint64_t last);
  void connect(ForwardOutputs& out);

  std::optional<SendBlocks>& question(Lane lane) {
    return questions[static_cast<std::size_t>(lane)];
  }
  const std::optional<SendBlocks>& question(Lane lane) const {
    return questions[static_cast<std::size_t>(lane)];
  }

  ForwardLimits limits;
  const std::size_t most_ranges;
  const model::Epoch epoch;
  const std::uint64_t first_of_run;   // the first block that this run sealed, or will
  std::uint64_t low;                  // everything before is delivered or gone
  std::uint64_t last_sealed;
  std::uint64_t known_from;           // blocks from here on exist until they are acknowledged
  std::uint64_t cursor;
  std::uint64_t live_next;
  std::uint64_t live_bytes = 0;       // of the blocks from live_next on
  RangeSet done;                      // acknowledged, above low
  RangeSet lost;                      // sent once, not acknowledged, not in flight
  InFlight flight;
  std::array<std::optional<SendBlocks>, 2> questions;
  std::optional<base::Instant> look_again_at;  // for blocks that were left out
  std::optional<base::Instant> pacer_wakes_at;
  std::optional<base::Instant> unanswered_since;

  LinkState link = LinkState::idle;
  Backoff backoff;
  Pacer pacer;
  base::Instant connected_at{}, retry_at{};
  bool closing = false;               // the host was asked to disconnect
  ForwardStats stats;
};

}  // namespace selvedge::engine
