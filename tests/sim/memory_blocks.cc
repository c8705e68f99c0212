#include "memory_blocks.h"

#include <algorithm>

#include "codec/series/frame.h"

namespace selvedge::sim {
namespace {

using base::Code;
using base::fail;

bool same(const model::SeriesDef& def, const MemoryBlocks::Series& series) {
  return def.name == series.name && def.kind == series.kind;
}

codec::uplink::Ack acknowledge(const codec::uplink::Batch& batch) {
  std::set<model::BlockSeq> blocks;
  for (const codec::uplink::BlockView& block : batch.blocks) blocks.insert(block.seq);
  codec::uplink::Ack ack{.epoch = batch.epoch, .ranges = {}};
  for (const model::BlockSeq seq : blocks) {
    if (!ack.ranges.empty() && seq == model::next(ack.ranges.back().last)) ack.ranges.back().last = seq;
    else ack.ranges.push_back({seq, seq});
  }
  return ack;
}

}  // namespace

std::vector<cloud::Committed> MemoryBlocks::commit(const std::vector<cloud::Incoming>& batches) {
  std::vector<cloud::Committed> done;
  for (const cloud::Incoming& incoming : batches) done.push_back(add(incoming));
  return done;
}

cloud::Committed MemoryBlocks::add(const cloud::Incoming& incoming) {
  cloud::Committed committed;
  committed.node = incoming.node;
  const auto refuse = [&](base::Error why) {
    ++refusals_;
    committed.refused = std::move(why);
    return committed;
  };
  const auto batch = codec::uplink::decode_batch(incoming.payload);
  if (!batch) return refuse(batch.error());
  const std::pair key(incoming.node, batch->epoch);
  const auto found = streams_.find(key);
  std::vector<model::BlockSummary> summaries;
  const Stream fresh;
  const auto checked = check(found == streams_.end() ? fresh : found->second, *batch, summaries);
  if (!checked) return refuse(checked.error());

  cloud::NodeInfo& node = nodes[incoming.node];
  if (node.name.empty()) {
    node.name = incoming.node;
    node.status = "joined";
    node.joined_at = incoming.arrived;
  }
  node.last_seen = std::max(node.last_seen, incoming.arrived);
  Stream& stream = streams_[key];
  for (const model::SeriesDef& def : batch->series) define(incoming.node, stream, def);
  for (std::size_t i = 0; i < batch->blocks.size(); ++i) {
    const codec::uplink::BlockView& block = batch->blocks[i];
    if (!stream.known.insert(block.seq).second) {
      ++committed.duplicates;
      ++duplicates_;
      continue;
    }
    const cloud::BlockInfo info{.epoch = batch->epoch,
                                .seq = block.seq,
                                .summary = summaries[i],
                                .bytes = block.frame.size(),
                                .sealed_at = block.sealed_at,
                                .arrived_at = incoming.arrived};
    series_[stream.numbers.at(block.series)].blocks.push_back(
        {info, {block.frame.begin(), block.frame.end()}});
    ++committed.blocks;
    committed.readings += info.summary.count;
    committed.frame_bytes += info.bytes;
  }
  node.blocks += committed.blocks;
  node.readings += committed.readings;
  node.bytes += committed.frame_bytes;
  blocks_ += committed.blocks;
  readings_ += committed.readings;
  committed.ack = acknowledge(*batch);
  return committed;
}

base::Result<void> MemoryBlocks::check(const Stream& stream, const codec::uplink::Batch& batch,
                                       std::vector<model::BlockSummary>& summaries) const {
  if (batch.blocks.size() > codec::uplink::max_ack_ranges)
    return fail(Code::invalid_input, "batch of too many blocks");
  std::map<model::SeriesId, const model::SeriesDef*> told;
  for (const model::SeriesDef& def : batch.series) {
    const auto [at, fresh] = told.emplace(def.id, &def);
    const auto known = stream.numbers.find(def.id);
    if ((!fresh && (at->second->name != def.name || at->second->kind != def.kind)) ||
        (known != stream.numbers.end() && !same(def, series_[known->second])))
      return fail(Code::invalid_input, "a series number stands for another series: " + def.name);
  }
  for (const codec::uplink::BlockView& block : batch.blocks) {
    summaries.push_back(TRY(codec::read_summary(block.frame)));
    const auto new_one = told.find(block.series);
    const auto known = stream.numbers.find(block.series);
    if (new_one == told.end() && known == stream.numbers.end())
      return fail(Code::invalid_input,
                  "unknown series " + std::to_string(static_cast<std::uint32_t>(block.series)));
    const model::Kind kind =
        new_one != told.end() ? new_one->second->kind : series_[known->second].kind;
    if (kind != summaries.back().kind) return fail(Code::invalid_input, "block of another kind");
  }
  return {};
}

void MemoryBlocks::define(const std::string& node, Stream& stream, const model::SeriesDef& def) {
  if (stream.numbers.contains(def.id)) return;
  const auto [at, fresh] = places_.emplace(std::tuple(node, def.name, def.kind), series_.size());
  if (fresh) {
    series_.push_back({node, def.name, def.device, def.kind, {}});
    ++nodes[node].series;
  }
  series_[at->second].device = def.device;
  stream.numbers.emplace(def.id, at->second);
}

std::vector<const MemoryBlocks::Series*> MemoryBlocks::find(const std::string& node,
                                                            const std::string& name) const {
  std::vector<const Series*> found;
  for (auto at = places_.lower_bound({node, name, model::Kind{}});
       at != places_.end() && std::get<0>(at->first) == node && std::get<1>(at->first) == name; ++at)
    found.push_back(&series_[at->second]);
  std::ranges::sort(found, {}, [](const Series* s) {
    return s->blocks.empty() ? base::Time{} : s->blocks.back().info.arrived_at;
  });
  return found;
}

std::size_t MemoryBlocks::epochs(const std::string& node) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      streams_, [&](const auto& stream) { return stream.first.first == node; }));
}

}  // namespace selvedge::sim
