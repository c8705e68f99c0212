// Outgoing: the QoS 1 and 2 messages on their way to one client, in order.
//
// The front of the queue has been sent on this connection and waits for acknowledgement; the rest
// waits for room in the client's receive maximum, for the transport, or for the client to come
// back. A message has its packet identifier from the moment it is queued, so that identifiers in
// the session log need no second record. Retained messages with QoS 0, if they are too many to be
// sent at once, wait here too, and what is published meanwhile behind them; they have no identifier
// and leave when sent. Bounds are kept by the caller, by count() and bytes().

#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/time.h"
#include "engine/session/message.h"
#include "engine/session/ring.h"

namespace selvedge::engine {

// What all queues together hold.
struct QueueTotals {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
};

class Outgoing {
 public:
  struct Entry {
    MessagePtr message{};                  // null: released, or not needed again
    std::unique_ptr<std::vector<std::uint32_t>> more_ids{};
    std::uint32_t first_id = 0;          // subscription identifiers; 0: none
    std::uint32_t group = 0;             // shared subscription it came by; 0: none
    std::uint16_t packet_id = 0;
    std::uint8_t qos = 0;
    bool retain = false;
    bool was_sent = false;               // on this or an earlier connection
    bool released = false;               // PUBREC came: PUBREL is next

    void set_ids(std::span<const std::uint32_t> ids);
    std::span<const std::uint32_t> ids() const;
  };

  static constexpr std::size_t none = ~std::size_t{0};
  static constexpr std::uint64_t entry_bytes = 64;  // beside its message, counted for bounds

  // A free packet identifier; 0 if all are taken.
  std::uint16_t take_id();
  std::uint16_t next_id() const { return next_; }
  void set_next_id(std::uint16_t id) {
    next_ = id;
    known_free_ = 0;
  }

  void push(Entry entry, QueueTotals& totals);
  // The entry was sent or need not wait: only allowed for the oldest unsent one.
  void mark_sent() { entries_[sent_++].was_sent = true; }
  // PUBREC: the message is not needed any more.
  void release(std::size_t at, QueueTotals& totals);
  void remove(std::size_t at, QueueTotals& totals);
  // The connection is gone, and with it what has QoS 0.
  void drop_without_id(QueueTotals& totals);
  // A new connection: nothing has been sent on it.
  void rewind() { sent_ = 0; }

  // Of an entry that was sent on this connection.
  std::size_t find_sent(std::uint16_t packet_id) const;
  std::size_t find(std::uint16_t packet_id) const;   // anywhere; for restoring

  std::size_t sent() const { return sent_; }
  std::size_t count() const { return entries_.size(); }
  std::size_t waiting() const { return entries_.size() - sent_; }
  std::uint64_t bytes() const { return bytes_; }
  // Of those waiting, the ones with QoS 0.
  std::size_t without_id() const { return without_id_; }
  // No entry expires before.
  base::Time first_expiry() const { return first_expiry_; }
  void set_first_expiry(base::Time at) { first_expiry_ = at; }

  Entry& operator[](std::size_t i) { return entries_[i]; }
  const Entry& operator[](std::size_t i) const { return entries_[i]; }

 private:
  void let_go(Entry& entry, QueueTotals& totals);

  Ring<Entry> entries_;
  std::size_t sent_ = 0;
  std::size_t without_id_ = 0;
  std::uint64_t bytes_ = 0;
  base::Time first_expiry_ = never;
  std::uint32_t known_free_ = 0;         // identifiers from next_ on that nobody has
  std::uint16_t next_ = 1;
};

}  // namespace selvedge::engine
