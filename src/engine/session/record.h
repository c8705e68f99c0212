// Records: the durable state of the broker as a stream of changes.
//
// Each record is a length, a kind and its fields (base/wire.h). Sessions and messages go by
// numbers that are given once; a message is written once and named by whoever queues or retains
// it. Times are wall-clock. Reading trusts nothing: a record that does not parse to its last byte
// is Code::corrupt. Persistent format since version 0.1.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/wire.h"

namespace selvedge::engine::record {

// A client is connected to the session, new or resumed. Replaces an earlier record of that number.
struct SessionOpened {
  std::uint64_t session = 0;
  std::string_view client_id{}, device{};
  std::uint8_t version = 5;
  std::uint32_t expiry = 0;              // seconds
  std::uint16_t next_packet_id = 0;      // 0: as it was
  std::uint64_t will = 0;                // a message; 0: none
  bool will_retain = false;
  std::uint32_t will_delay = 0;          // seconds
  std::uint64_t will_expiry = 0;         // seconds, plus one; 0: none
};
// The client is away.
struct SessionLeft {
  std::uint64_t session = 0;
  std::int64_t ends = 0;                 // wall clock, nanoseconds
  std::int64_t will_due = 0;             // the largest number: there is no will any more
};
struct SessionEnded {
  std::uint64_t session = 0;
};
struct SubscriptionAdded {               // or its options changed
  std::uint64_t session = 0;
  std::string_view filter{}, group{};
  std::uint32_t group_number = 0;
  std::uint8_t options = 0;              // as in SUBSCRIBE: qos, no local, retain as published
  std::uint32_t id = 0;
};
struct SubscriptionRemoved {
  std::uint64_t session = 0;
  std::string_view filter{}, group{};
};
struct MessageStored {
  std::uint64_t message = 0;
  std::string_view topic{};
  base::BytesView payload{}, properties{};
  std::string_view origin{};
  std::uint8_t qos = 0;
  std::int64_t expires = 0;              // wall clock; the largest number: never
};
struct Queued {
  std::uint64_t session = 0;
  std::uint64_t message = 0;             // 0 only if released
  std::uint16_t packet_id = 0;
  std::uint8_t qos = 1;
  bool retain = false, sent = false, released = false;
  std::uint32_t group_number = 0;
  std::span<const std::uint32_t> ids{};
};
// What becomes of a queued message (PUBLISH sent; PUBREC came; finished or dropped), and of the
// identifier of a received QoS 2 publish (stored; PUBREL came).
enum class Step : std::uint8_t { sent, released, done, received, forgotten };
struct Stepped {
  std::uint64_t session = 0;
  std::uint16_t packet_id = 0;
  Step step{};
};
struct RetainedSet {
  std::uint64_t message = 0;
};
struct RetainedErased {
  std::string_view topic{};
};
// The will of a session that lives on was published.
struct WillSent {
  std::uint64_t session = 0;
};

using Record = std::variant<SessionOpened, SessionLeft, SessionEnded, SubscriptionAdded,
                            SubscriptionRemoved, MessageStored, Queued, Stepped, RetainedSet,
                            RetainedErased, WillSent>;

template <typename T>
void write(const T& record, base::Bytes& out);   // defined for each kind of record

// Takes records off a stream, one by one.
class Stream {
 public:
  explicit Stream(base::BytesView bytes) : in_(bytes) {}
  // The next record, nothing at the end, or Code::corrupt. Views point into the stream, ids into
  // this object until the next call.
  base::Result<std::optional<Record>> next();

 private:
  base::Reader in_;
  std::uint64_t count_ = 0;
  std::vector<std::uint32_t> ids_;
};

}  // namespace selvedge::engine::record
