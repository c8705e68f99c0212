// MemoryBlocks: what the store of a simulated cloud has committed. It lies outside the cloud, as a
// disk does, so that a crash of the cloud leaves exactly what was committed.
//
// It refuses what the store on SQLite refuses, and it knows a block for ever by node, epoch and
// sequence. One thread.

#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cloud/block_store.h"

namespace selvedge::sim {

class MemoryBlocks {
 public:
  struct Block {
    cloud::BlockInfo info;
    base::Bytes frame;
  };
  struct Series {
    std::string node, name, device;
    model::Kind kind{};
    std::vector<Block> blocks;           // in the order of their commits
  };

  // One transaction.
  std::vector<cloud::Committed> commit(const std::vector<cloud::Incoming>& batches);

  const std::deque<Series>& series() const { return series_; }
  // All kinds of one name, the one committed last at the end.
  std::vector<const Series*> find(const std::string& node, const std::string& name) const;
  std::size_t epochs(const std::string& node) const;
  std::uint64_t readings() const { return readings_; }
  std::uint64_t blocks() const { return blocks_; }
  std::uint64_t duplicates() const { return duplicates_; }
  std::uint64_t refusals() const { return refusals_; }

  std::map<std::string, cloud::NodeInfo> nodes;
  std::map<std::string, cloud::TokenInfo> tokens;
  std::map<std::string, std::set<std::string>> certificates;  // serials, by node
  std::set<std::string> revoked;                              // serials

 private:
  // One epoch of one node: what its numbers stand for, and which blocks are there.
  struct Stream {
    std::map<model::SeriesId, std::size_t> numbers;  // places in series_
    std::set<model::BlockSeq> known;
  };
  base::Result<void> check(const Stream& stream, const codec::uplink::Batch& batch,
                           std::vector<model::BlockSummary>& summaries) const;
  cloud::Committed add(const cloud::Incoming& incoming);
  void define(const std::string& node, Stream& stream, const model::SeriesDef& def);

  std::deque<Series> series_;
  std::map<std::tuple<std::string, std::string, model::Kind>, std::size_t> places_;
  std::map<std::pair<std::string, model::Epoch>, Stream> streams_;
  std::uint64_t readings_ = 0, blocks_ = 0, duplicates_ = 0, refusals_ = 0;
};

}  // namespace selvedge::sim
