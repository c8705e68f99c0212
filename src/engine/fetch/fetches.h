// Fetches: which bytes of which artifact to ask for next, over a link that breaks.
//
// An artifact is made from its first chunk to its last. What is there as whole, verified chunks is
// never asked for again: after a cut the next request begins behind the last whole chunk, so that a
// cut costs at most one chunk of bytes sent twice. Chunks that another artifact on this disk has are
// copied, not asked for. The pause before a new attempt doubles from `pause_first` to `pause_most`
// with full jitter, and only a chunk that was verified starts it over.
//
// Gives up, with the reason, when the same chunk came wrong `bad_chunks` times, when the server
// answered `bad_answers` times in a row with something else than was asked for, when it said that
// asking again will not help, or at the deadline. A server that sends less than `slow_bytes` in
// `slow_window` is left and asked anew.
//
// At most `parallel` artifacts are under way, by priority and then by age; one that pauses holds no
// place. All together keep to `bytes_per_second`. Beyond `orders` artifacts an order is refused.
//
// Holds numbers only. step(input, now) -> outputs: no clock, no I/O, no randomness of its own.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "engine/fetch/fetch_answer.h"
#include "engine/forward/backoff.h"
#include "engine/forward/pacer.h"

namespace selvedge::engine {

struct FetchLimits {
  std::uint32_t parallel = 2;
  std::uint32_t orders = 1024;
  std::uint64_t bytes_per_second = 0;          // 0: no bound
  base::Duration pause_first = std::chrono::milliseconds(500);
  base::Duration pause_most = std::chrono::minutes(5);
  std::uint32_t bad_chunks = 3;
  std::uint32_t bad_answers = 5;
  base::Duration slow_window = std::chrono::seconds(30);
  std::uint64_t slow_bytes = 4 << 10;
};

// Names an order of this process; never used twice.
enum class FetchId : std::uint64_t {};

struct FetchOrder {
  FetchId id{};
  std::uint64_t size = 0;
  std::uint32_t chunk_bytes = 1;
  std::uint64_t have = 0;                      // bytes from the first on: whole chunks, or all
  std::vector<bool> local;                     // chunks that can be copied; may be shorter
  std::uint8_t priority = 0;                   // higher goes first
  std::optional<base::Instant> deadline;
};

struct FetchRequest {
  FetchId id{};
  std::uint64_t first = 0, last = 0;           // bytes, both included
};
struct FetchCopy {
  FetchId id{};
  std::uint32_t chunk = 0;
};
// It is whole, or was given up. The order is forgotten.
struct FetchEnd {
  FetchId id{};
  std::optional<base::Error> why;              // nothing: whole
};

// To be carried out in this order.
struct FetchOutputs {
  // Ends the request under way; forget what of it is not a whole chunk, then say ended().
  std::vector<FetchId> stops;
  std::vector<FetchId> pauses, resumes;        // of requests under way: stop and start reading
  std::vector<FetchRequest> requests;
  std::vector<FetchCopy> copies;
  std::vector<FetchEnd> ends;

  void clear();
};

struct FetchStats {
  std::uint64_t requests = 0, resumed = 0;     // resumed: asked for anew after a request failed
  std::uint64_t bytes_received = 0, chunks_copied = 0, chunks_refused = 0;
  std::uint64_t done = 0, given_up = 0, cancelled = 0;
};

class Fetches {
 public:
  explicit Fetches(FetchLimits limits) : limits_(limits), pacer_(limits.bytes_per_second) {}

  // Code::exhausted beyond limits.orders.
  base::Result<void> order(FetchOrder order, base::Instant now, FetchOutputs& out);
  // Forgets it. If a request or copy is under way its id is in out.stops, and no ended() is needed.
  void cancel(FetchId id, base::Instant now, FetchOutputs& out);

  // Inputs for an id that is not known, or that was told to stop, do nothing.
  void answered(FetchId id, const FetchAnswer& answer, base::Instant now, FetchOutputs& out);
  // Bytes of the body have come; if that is too many it is in out.stops, and they are not to be used.
  void received(FetchId id, std::uint64_t bytes, base::Instant now, FetchOutputs& out);
  // So many bytes from the first on are whole, verified chunks now.
  void verified(FetchId id, std::uint64_t have);
  // The chunk behind the verified ones is not what its digest says.
  void refused(FetchId id, FetchOutputs& out);
  // The request is over (an error if it failed), and all that came of it was verified or forgotten.
  // `jitter` in [0, 1) picks the pause.
  void ended(FetchId id, std::optional<base::Error> error, double jitter, base::Instant now,
             FetchOutputs& out);
  enum class Copied : std::uint8_t { well, not_there };
  void copied(FetchId id, Copied how, base::Instant now, FetchOutputs& out);
  // What is under way cannot go on, whatever the server does (a full disk): gives up.
  void failed(FetchId id, base::Error why, base::Instant now, FetchOutputs& out);

  // At or after wake_at().
  void tick(base::Instant now, FetchOutputs& out);
  std::optional<base::Instant> wake_at() const;
  // The link is back: what pauses goes on at once. The pauses that follow are as long as before.
  void hurry(base::Instant now, FetchOutputs& out);

  const FetchStats& stats() const { return stats_; }
  std::size_t orders() const { return works_.size(); }

 private:
  enum class Phase : std::uint8_t { waiting, pausing, requesting, copying, stopping };
  struct Work {
    FetchOrder order;
    Backoff backoff;
    Phase phase = Phase::waiting;
    base::Instant until{};                     // of a pause
    std::uint64_t first = 0, last = 0;         // asked for
    std::uint64_t got = 0;                     // of that
    bool answered = false;                     // and the answer was good
    bool retried = false;                      // a request failed since the last verified chunk
    base::Instant window{};                    // since when window_bytes are counted
    std::uint64_t window_bytes = 0;
    std::uint64_t bad_at = 0;                  // where the chunk began that was refused last
    std::uint32_t bad_chunks = 0, bad_answers = 0;
    std::optional<base::Error> stopped;        // why it was told to stop
    std::string trouble;                       // why the last request failed
    bool hopeless = false;
    base::Duration at_least{};                 // of the next pause
  };
  using Works = std::map<FetchId, Work>;

  Work* find(FetchId id, Phase phase);
  void stop(Work& work, base::Error why, FetchOutputs& out);
  void end(FetchId id, std::optional<base::Error> why, FetchOutputs& out);
  void fill(base::Instant now, FetchOutputs& out);
  void begin(Work& work, base::Instant now, FetchOutputs& out);
  void pace(base::Instant now, FetchOutputs& out);

  FetchLimits limits_;
  Works works_;                                // by id, that is by age
  Pacer pacer_;
  bool paused_ = false;                        // by the pacer
  FetchStats stats_;
};

}  // namespace selvedge::engine
