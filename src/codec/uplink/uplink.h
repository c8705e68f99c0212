// Uplink: the messages between a node and the cloud, on top of MQTT 5.
//
//   node -> cloud   up/<node>/blocks     Batch: the store's epoch, series definitions, blocks
//   cloud -> node   down/<node>/ack      Ack: which blocks of which epoch are committed
//   cloud -> node   down/<node>/raw      RawRequest: blocks that stayed on the node, for a question
//   node -> cloud   up/<node>/raw        RawAnswer
//
// A Batch carries the definition of every series of its blocks that this connection has not told
// before, so that each connection is understood by itself. Layout: docs/spec/uplink.md. Decoding
// trusts nothing; views point into the payload. Code::corrupt: the bytes are damaged or no such
// message; Code::invalid_input: they say what is not allowed, or a version not known here. Fields
// that a later version adds at the end of a record are skipped. Pure; any thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "model/block.h"

namespace selvedge::codec::uplink {

inline constexpr std::uint32_t max_batch_bytes = 2 << 20;
// The largest frame that fits into a batch beside one series definition; a node seals none larger.
inline constexpr std::uint32_t max_batch_frame_bytes = max_batch_bytes - (4 << 10);
inline constexpr std::uint32_t max_ack_ranges = 1 << 16;
inline constexpr std::uint32_t max_device_bytes = 512;   // of SeriesDef::device; longer is cut
// Sequence numbers are at most this, so that every database has an integer for them.
inline constexpr std::uint64_t max_seq = (std::uint64_t{1} << 63) - 1;

struct BlockView {
  model::BlockSeq seq{};
  model::SeriesId series{};
  base::Time sealed_at{};
  base::BytesView frame;
};

struct Batch {
  model::Epoch epoch{};
  base::Time sent_at{};
  std::vector<model::SeriesDef> series;
  std::vector<BlockView> blocks;
};

// Appends the message to `out`. It is for the caller to stay within max_batch_bytes.
void encode(const Batch& batch, base::Bytes& out);
base::Result<Batch> decode_batch(base::BytesView payload);

struct Range {
  model::BlockSeq first{}, last{};       // inclusive
  friend bool operator==(const Range&, const Range&) = default;
};

struct Ack {
  model::Epoch epoch{};
  std::vector<Range> ranges;             // ascending, apart
};

// Appends the message to `out`; ranges must be ascending, apart and no more than max_ack_ranges.
void encode(const Ack& ack, base::Bytes& out);
base::Result<Ack> decode_ack(base::BytesView payload);

// Asks for the frames of a series that overlap [from, to), in the node's order, without the first `skip`.
struct RawRequest {
  std::uint64_t request = 0;             // repeated in the answer
  base::Time from{}, to{};
  std::uint64_t skip = 0;
  std::string_view series;               // 1 to 512 bytes
};

// As many frames as fit; `more`: ask again, and skip these too. What is not in a block yet is the last one.
struct RawAnswer {
  std::uint64_t request = 0;
  std::optional<base::Code> refused;
  std::string_view why;                  // if refused
  bool more = false;
  std::vector<base::BytesView> frames;   // none empty
};

void encode(const RawRequest& request, base::Bytes& out);
base::Result<RawRequest> decode_raw_request(base::BytesView payload);
// It is for the caller to stay within max_batch_bytes.
void encode(const RawAnswer& answer, base::Bytes& out);
base::Result<RawAnswer> decode_raw_answer(base::BytesView payload);

std::string raw_request_topic(std::string_view node);   // "down/<node>/raw"
std::string raw_answer_topic(std::string_view node);    // "up/<node>/raw"
std::string blocks_topic(std::string_view node);   // "up/<node>/blocks"
std::string ack_topic(std::string_view node);      // "down/<node>/ack"
// "down/<node>/identity": the version of what to trust and whom not to.
std::string identity_topic(std::string_view node);
// The node's name in "up/<node>/blocks"; empty if the topic is another.
std::string_view node_of_blocks_topic(std::string_view topic);

}  // namespace selvedge::codec::uplink
