// Uplink: the messages between a node and the cloud, on top of MQTT 5.
//
//   node -> cloud   up/<node>/blocks     Batch: the store's epoch, series definitions, blocks
//   cloud -> node   down/<node>/ack      Ack: which blocks of which epoch are committed
//
// A Batch carries the definition of every series of its blocks that this connection has not told
// before, so that each connection is understood by itself. Layout: docs/spec/uplink.md. Decoding
// trusts nothing; views point into the payload. Pure; any thread.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "model/block.h"

namespace selvedge::codec::uplink {

inline constexpr std::uint32_t max_batch_bytes = 2 << 20;

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

void encode(const Ack& ack, base::Bytes& out);
base::Result<Ack> decode_ack(base::BytesView payload);

std::string blocks_topic(std::string_view node);   // "up/<node>/blocks"
std::string ack_topic(std::string_view node);      // "down/<node>/ack"
// The node's name in "up/<node>/blocks"; empty if the topic is another.
std::string_view node_of_blocks_topic(std::string_view topic);

}  // namespace selvedge::codec::uplink
