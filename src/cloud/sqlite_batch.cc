#include "cloud/sqlite_batch.h"

#include <algorithm>

#include "codec/series/frame.h"

namespace selvedge::cloud {

base::Result<CheckedBatch> check_batch(base::BytesView payload) {
  CheckedBatch checked;
  checked.batch = TRY(codec::uplink::decode_batch(payload));
  // So many blocks of so few bytes are none, and their acknowledgement would not fit.
  if (checked.batch.blocks.size() > codec::uplink::max_ack_ranges) {
    return base::fail(base::Code::invalid_input,
                      "batch of " + std::to_string(checked.batch.blocks.size()) + " blocks");
  }
  checked.summaries.reserve(checked.batch.blocks.size());
  for (const codec::uplink::BlockView& block : checked.batch.blocks) {
    auto summary = codec::read_summary(block.frame);
    if (!summary) {
      return std::unexpected(std::move(summary).error().while_doing(
          "block " + std::to_string(model::number(block.seq))));
    }
    checked.summaries.push_back(*summary);
  }
  return checked;
}

codec::uplink::Ack ack_of(const codec::uplink::Batch& batch) {
  std::vector<std::uint64_t> seqs;
  seqs.reserve(batch.blocks.size());
  for (const codec::uplink::BlockView& block : batch.blocks) {
    seqs.push_back(model::number(block.seq));
  }
  std::sort(seqs.begin(), seqs.end());
  codec::uplink::Ack ack;
  ack.epoch = batch.epoch;
  for (const std::uint64_t seq : seqs) {
    const model::BlockSeq block{seq};
    if (!ack.ranges.empty() && seq <= model::number(ack.ranges.back().last) + 1) {
      ack.ranges.back().last = block;
    } else {
      ack.ranges.push_back({.first = block, .last = block});
    }
  }
  return ack;
}

}  // namespace selvedge::cloud
