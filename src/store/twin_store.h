// TwinStore: all twins of one process, durable: a table in memory, a segment log of changes on disk,
// and a snapshot now and then so that opening is quick.
//
// edit() and join() change the table at once and append to the log; `commit` calls back when
// everything so far is durable (group commit). Readers see changes before they are durable, as on
// any group-committing store; what leaves the process as an acknowledgement waits for commit().
// A full disk refuses edits (Code::exhausted) and loses nothing. A twin that was removed leaves its
// revision behind for 48 hours and until the peer knows (30 days at most), so that versions do not
// start again.
//
// Each twin has at most one other replica (the cloud's of a node's twins, and the other way round).
// What that peer has not acknowledged is found through unsent(). Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/twin/twin.h"
#include "os/world.h"

namespace selvedge::store {

struct TwinStoreLimits {
  engine::TwinLimits twin;
  std::uint32_t twins = 2'000'000;
  std::uint64_t memory_bytes = 1ULL << 30;   // of all twins; beyond it new leaves are refused
  std::uint64_t log_bytes = 4ULL << 30;
  std::uint64_t segment_bytes = 16ULL << 20;
};

// What must hold for an edit to be made; else Code::conflict (HTTP 412).
struct TwinPrecondition {
  std::optional<std::uint64_t> revision;     // of the document (ETag "rev:N")
  std::optional<bool> exists;                // the twin
};

struct TwinEvent {
  enum class Kind : std::uint8_t { created, changed, removed };
  Kind kind{};
  std::string_view id;                       // views live during the call
  const engine::Twin* twin = nullptr;        // null when removed
  const engine::TwinChange* change = nullptr;
  bool from_peer = false;                    // came by join()
};

// What a peer has yet to learn of one twin. The peer joins the leaves, also those of a twin that was
// removed: they are the tombstones of its parts, and a newer leaf of the peer survives them on both
// sides. `removed` only says that nothing is visible here any more.
struct UnsentTwin {
  model::TwinId id;
  std::uint64_t revision = 0;                // acknowledge this when the peer has it
  bool removed = false;
  std::vector<model::TwinLeaf> leaves;
};

class TwinStore {
 public:
  // `replica` names this process among replicas ("cloud", or the node's name). Files in <path>.
  static base::Result<std::unique_ptr<TwinStore>> open(os::World& world, std::string_view path,
                                                       std::string_view replica,
                                                       TwinStoreLimits limits);
  virtual ~TwinStore() = default;

  virtual const engine::Twin* find(std::string_view id) const = 0;   // null if there is none
  virtual std::size_t size() const = 0;
  // Ids in order, after `after`, with this prefix; at most `limit`.
  virtual std::vector<model::TwinId> list(std::string_view prefix, std::string_view after,
                                          std::size_t limit) const = 0;
  // Ids of twins that match, in order, after `after`. An eq on an indexed leaf (see index()) costs no
  // visit of the others. `examined` bounds the work: Code::exhausted when it is passed.
  virtual base::Result<std::vector<model::TwinId>> search(const engine::TwinFilter& filter,
                                                          std::string_view prefix,
                                                          std::string_view after, std::size_t limit,
                                                          std::size_t examined = 2'000'000) const = 0;

  // Makes the twin if it is not there (put and merge). Code::conflict: the precondition does not hold.
  virtual base::Result<engine::TwinChange> edit(std::string_view id, const engine::TwinEdit& edit,
                                                const TwinPrecondition& if_ = {}) = 0;
  virtual base::Result<engine::TwinChange> join(std::string_view id,
                                                std::span<const model::TwinLeaf> leaves) = 0;
  // Removes the twin. from_peer: the peer is not told; only for a peer that has no stamps to join.
  virtual base::Result<void> remove(std::string_view id, const TwinPrecondition& if_ = {},
                                    bool from_peer = false) = 0;
  // Keeps an index of this leaf ("attributes/location") from now on, for eq in search(). At most 8;
  // search() makes one by itself for what it is asked in vain. Code::invalid_input.
  virtual base::Result<void> index(std::string_view pointer) = 0;
  // Calls back once everything edited so far is durable; never from within the call.
  virtual void commit(std::function<void()> done) = 0;

  // ---- the other replica ----
  // Twins of the namespace `node` with changes the peer has not acknowledged and that were not
  // returned since the last forget_sent(node), oldest change first, about `max_bytes` of leaves.
  virtual std::vector<UnsentTwin> unsent(std::string_view node, std::size_t max_bytes) = 0;
  virtual void acknowledged(std::string_view id, std::uint64_t revision) = 0;
  virtual void forget_sent(std::string_view node) = 0;               // the link was lost
  virtual bool has_unsent(std::string_view node) const = 0;

  // ---- watchers ----
  using WatchId = std::uint64_t;
  virtual WatchId watch(std::function<void(const TwinEvent&)> told) = 0;  // called within edit/join/remove
  virtual void unwatch(WatchId id) = 0;

  struct Stats {
    std::uint64_t twins = 0, memory_bytes = 0, log_bytes = 0, edits = 0, joins = 0, refused = 0;
    std::uint64_t unsent = 0;                // twins the peer has not fully acknowledged
  };
  virtual Stats stats() const = 0;
  virtual void close(std::function<void()> done) = 0;
};

}  // namespace selvedge::store
