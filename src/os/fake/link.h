// Link: the network between two machines (or within one), with everything that can befall it.
//
// Bytes arrive in order within a connection, always, as TCP has it; connections may overtake each
// other. What is sent into a silent link waits with its sender and is sent again when the link is
// mended, unless `user_timeout` ends the connection first; the other end, if it sends nothing,
// learns nothing: it is half-open.

#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace selvedge::os::fake {

class Fabric;

struct LinkModel {
  base::Duration latency = std::chrono::milliseconds(5);  // one way
  base::Duration jitter = std::chrono::milliseconds(1);   // at most this much is added
  std::uint64_t bytes_per_second = 0;                     // each way; 0: no bound
  // A connection ends when what it has sent was not taken for this long; none: never.
  std::optional<base::Duration> user_timeout = std::chrono::minutes(15);
};

enum class Cut : std::uint8_t {
  reset,    // both ends of each connection see it at once; new ones are refused
  timeout,  // silent, and both ends see it after `user_timeout`, even one that sends nothing
  silent,   // bytes vanish
};

class Link {
 public:
  explicit Link(Fabric& fabric) : fabric_(fabric) {}

  LinkModel model;  // may be changed at any time

  void cut(Cut how);
  void mend();
  bool is_cut() const { return cut_.has_value(); }
  // Holds everything that is sent from now on back for `time`, then delivers it in order.
  void pause_for(base::Duration time);
  // Makes today's connections half-open for ever, as when a router has lost its table: what either
  // end sends vanishes. New connections work.
  void forget_connections();

  std::uint64_t bytes_carried() const { return bytes_carried_; }

 private:
  friend class Fabric;
  bool silent() const { return cut_.has_value(); }

  Fabric& fabric_;
  std::optional<Cut> cut_;
  std::uint64_t cuts_ = 0;
  base::Instant held_until_{};
  base::Instant busy_until_[2]{};
  std::uint64_t bytes_carried_ = 0;
};

}  // namespace selvedge::os::fake
