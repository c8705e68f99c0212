// TwinSync: keeps the twins of one node the same on the node and in the cloud. Both sides run it.
//
// A side sends what its store says the other has not acknowledged (TwinStore::unsent), in bounded
// messages, a few at a time; the other joins them, makes them durable, and only then acknowledges.
// Nothing waits: what changes while the window is open leaves at once. When the connection is lost
// everything unacknowledged is sent again on the next one; when an acknowledgement does not come in
// time, on the same one. Joining twice changes nothing, so repetition is harmless.
//
// Only twins in the namespace of the node may pass: others are refused and counted, and so are leaves
// that no twin can hold; they are acknowledged all the same, so that nothing is refused for ever. What
// the disk has no room for now is not acknowledged, and comes again.
//
// A removal travels as tombstones and merges like every other change: what was written after it survives
// on both sides, what was written before it on neither.
//
// Only what is durable here is sent, or a crash would leave the other side with what we forgot.
//
// The host carries out the outputs: bytes to send, commits to make. No clock, no link of its own; the
// store's memory is its memory. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "codec/twin/twin.h"
#include "store/twin_store.h"

namespace selvedge::things {

struct TwinSyncLimits {
  std::size_t window = 4;                // messages sent and not acknowledged
  std::size_t leaf_bytes = 64 << 10;     // of leaves asked of the store for a message
  base::Duration first_timeout = std::chrono::seconds(10);   // of an acknowledgement; then twice as long
  base::Duration most_timeout = std::chrono::minutes(2);
};

// Counted together for all nodes of a process.
struct TwinSyncStats {
  std::uint64_t messages_sent = 0, twins_sent = 0;
  std::uint64_t messages_received = 0, twins_received = 0;
  std::uint64_t refused = 0;             // twins or leaves of others that were not taken
  std::uint64_t refused_by_peer = 0;     // of ours
  std::uint64_t foreign = 0;             // of `refused`: in the namespace of another node
  std::uint64_t timeouts = 0;            // acknowledgements that did not come
  std::uint64_t deferred = 0;            // messages not acknowledged: there was no room
};

// One message of the other side, joined: acknowledge it by committed() once it is durable.
struct TwinSyncTaken {
  std::uint64_t session = 0, number = 0, refused = 0;
};

struct TwinSyncOutputs {
  std::vector<base::Bytes> send;
  // To be sent once everything in the store is durable: what a crash here could undo must not be known
  // elsewhere.
  std::vector<base::Bytes> changes;
  std::vector<TwinSyncTaken> taken;
  // Twins that came and said nothing new: they had come before, but perhaps what should have
  // followed from them was lost in a crash.
  std::vector<model::TwinId> repeated;
  std::optional<base::Error> trouble;    // why something was not taken; for the log

  void clear();
};

class TwinSync {
 public:
  TwinSync(store::TwinStore& store, std::string node, TwinSyncLimits limits, TwinSyncStats& stats);

  // `session` is drawn at random for each connection.
  void connected(std::uint64_t session, base::Instant now, base::Time wall_now,
                 TwinSyncOutputs& out);
  void disconnected();
  // A Hello, Changes or Seen; others are not for this class.
  void received(const codec::twin::Message& message, base::Instant now, base::Time wall_now,
                TwinSyncOutputs& out);
  // What was taken is durable.
  void committed(const TwinSyncTaken& taken, base::Instant now, base::Time wall_now,
                 TwinSyncOutputs& out);
  // The store has something unsent. Not from within a watcher of the store.
  void changed(base::Instant now, base::Time wall_now, TwinSyncOutputs& out);
  void tick(base::Instant now, base::Time wall_now, TwinSyncOutputs& out);
  std::optional<base::Instant> wake_at() const;

  // When that message of ours was made whose acknowledgement showed last that nothing of the other side's was still to
  // come: by then all it had to tell at that moment was here. None since the connection began: none yet.
  std::optional<base::Instant> heard_all() const { return heard_all_; }
  bool is_connected() const { return session_ != 0; }
  std::uint64_t session() const { return session_; }
  // Nothing of ours waits for the other side.
  bool settled() const;
  // How far the other side's wall clock is behind ours (negative: ahead), with the way of a message.
  base::Duration skew() const { return skew_; }
  std::size_t memory_bytes() const;

 private:
  struct Sent {
    model::TwinId id;
    std::uint64_t revision = 0;
  };
  struct Flight {
    std::uint64_t number = 0;
    base::Instant since{};
    std::vector<Sent> twins;
    bool seen = false;                   // but a message before it is not
    std::uint64_t heard = 0;             // number of theirs, if that was acknowledged when this left; else 0
  };

  void greeted(const codec::twin::Hello& hello, base::Time wall_now);
  void take(const codec::twin::Changes& changes, base::Time wall_now, TwinSyncOutputs& out);
  enum class Outcome : std::uint8_t { taken, refused, deferred };
  Outcome take(const codec::twin::Change& change, std::uint64_t& refused, TwinSyncOutputs& out);
  void acknowledged(const codec::twin::Seen& seen);
  void pump(base::Instant now, base::Time wall_now, TwinSyncOutputs& out);
  void send_next(base::Instant now, base::Time wall_now, TwinSyncOutputs& out);
  void start_over();

  store::TwinStore& store_;
  std::string node_;
  TwinSyncLimits limits_;
  TwinSyncStats& stats_;
  std::uint64_t session_ = 0;            // ours; 0: not connected
  std::uint64_t number_ = 0;             // of our last message
  std::uint64_t their_session_ = 0;
  // Vectors, because an empty one costs nothing and most nodes are idle.
  std::vector<store::UnsentTwin> next_;  // taken from the store; from next_at_ on not sent
  std::size_t next_at_ = 0;
  std::vector<Flight> flights_;          // at most `window`
  base::Duration timeout_;
  base::Duration skew_{};
  std::uint64_t their_number_ = 1, answered_ = 1;            // last number of theirs, and last acknowledged, each + 1; never 0
  std::optional<base::Instant> heard_all_;
};

}  // namespace selvedge::things
