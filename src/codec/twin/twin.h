// Twin: the messages by which a node and the cloud keep their copies of twins the same, and by which
// live commands travel; on top of MQTT 5.
//
//   node -> cloud   up/<node>/twins     Hello, Changes, Seen, Answer
//   cloud -> node   down/<node>/twins   Hello, Changes, Seen, Command
//
// Layout: docs/spec/twin_sync.md. Decoding trusts nothing: counts are bounded by the bytes there are,
// paths and stamps by what a twin may hold. Code::corrupt: the bytes are damaged or no such message;
// Code::invalid_input: they say what is not allowed, or a version not known here. Fields that a later
// version adds at the end of a record are skipped. Pure; any thread.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "model/twin.h"

namespace selvedge::codec::twin {

inline constexpr std::uint32_t max_message_bytes = 256 << 10;
inline constexpr std::uint32_t max_payload_bytes = 128 << 10;  // of a command and its answer
inline constexpr std::uint32_t max_path_bytes = 4096;
inline constexpr std::uint32_t max_token_bytes = 64;
// A stamp beyond this (year 4199) could not be exceeded for long enough: no clock is that wrong.
inline constexpr std::uint64_t max_stamp = std::uint64_t{1} << 62;

// The first message of a side on a connection. Whoever gets it forgets what it knew of the other's
// earlier session.
struct Hello {
  std::uint64_t session = 0;           // drawn at random for each connection by each side
  base::Time sent_at{};
};

// What changed in one twin; for a twin that was removed the tombstones of its parts.
struct Change {
  model::TwinId id;
  std::uint64_t revision = 0;          // the sender's
  std::vector<model::TwinLeaf> leaves;
};

struct Changes {
  std::uint64_t session = 0;           // the sender's
  std::uint64_t number = 0;            // of this message in it, from 1
  base::Time sent_at{};
  std::vector<Change> twins;
};

// The changes of one message are durable at the other side.
struct Seen {
  std::uint64_t session = 0, number = 0;   // as in the Changes
  std::uint64_t refused = 0;               // twins or leaves of it that were not taken, and never will
};

struct Command {
  std::uint64_t request = 0;           // the cloud's number for it
  std::uint32_t left_ms = 0;           // of its time, when this was sent
  std::string_view device, feature, subject, content_type;
  base::BytesView payload;
};

struct Answer {
  std::uint64_t request = 0;
  std::uint16_t status = 0;            // as of HTTP
  bool from_device = false;            // else the node says why there is no answer of the device
  std::string_view content_type;
  base::BytesView payload;             // for an error: why, as text
};

using Message = std::variant<Hello, Changes, Seen, Command, Answer>;

// Appends the message to `out`. It is for the caller to stay within max_message_bytes.
void encode(const Message& message, base::Bytes& out);
// Bytes that a change takes in a message, at most.
std::size_t encoded_bytes(const Change& change);
// Views point into `payload`.
base::Result<Message> decode(base::BytesView payload);

// A level of a topic that a subject or a content type may be: 1 to 128 bytes of printable ASCII
// without '/', '+', '#'.
bool is_subject(std::string_view text);

std::string up_topic(std::string_view node);     // "up/<node>/twins"
std::string down_topic(std::string_view node);   // "down/<node>/twins"

}  // namespace selvedge::codec::twin
