// MemoryBlockStore: a cloud::BlockStore over MemoryBlocks, for clouds that run in a simulation.
//
// Calls run in the loop's pool after a delay drawn from the database's seed. A commit writes a mark
// to the machine's disk before and after it takes effect: so it takes time, fails when the disk
// fails, and a crash at a write may come before or after it. What it has committed stays.
// Belongs to the loop thread.

#pragma once

#include <memory>

#include "memory_blocks.h"
#include "os/fake/random.h"

namespace selvedge::sim {

// What outlives the cloud, and how it is to behave.
struct Database {
  explicit Database(std::uint64_t seed) : random(seed) {}

  MemoryBlocks blocks;
  os::fake::Random random;
  base::Duration longest_delay = std::chrono::milliseconds(20);
  bool failing = false;                  // commits answer with an error
  std::uint64_t commits = 0, failed_commits = 0;
};

class MemoryBlockStore final : public cloud::BlockStore {
 public:
  // Keeps its marks in the folder `path`.
  static base::Result<std::unique_ptr<cloud::BlockStore>> open(os::World& world,
                                                               std::string_view path,
                                                               std::shared_ptr<Database> database);

  void commit(std::vector<cloud::Incoming> batches,
              Done<std::vector<cloud::Committed>> done) override;
  void series(std::string node, std::string pattern, std::uint64_t limit,
              Done<std::vector<cloud::SeriesInfo>> done) override;
  void query(std::string node, std::string series, engine::QueryRange range,
             Done<engine::QueryResult> done) override;
  void blocks(std::string node, std::string series, base::Time from, base::Time to,
              std::uint64_t limit, Done<std::vector<cloud::BlockInfo>> done) override;
  void nodes(Done<std::vector<cloud::NodeInfo>> done) override;
  void totals(Done<cloud::StoreTotals> done) override;
  void add_token(cloud::TokenInfo token, Done<bool> done) override;
  void use_token(std::string id, std::string digest, std::string node, base::Time now,
                 Done<bool> done) override;
  void add_node(cloud::NodeInfo node, bool replace, Done<bool> done) override;
  void revoke_node(std::string name, Done<std::vector<std::string>> serials) override;
  void revoked(Done<std::vector<std::string>> done) override;
  void seen(std::string node, base::Time at) override;
  void close(std::function<void()> done) override;

 private:
  MemoryBlockStore(os::World& world, std::shared_ptr<Database> database,
                   std::shared_ptr<os::File> marks)
      : world_(world), database_(std::move(database)), marks_(std::move(marks)) {}

  // Runs job(database) -> Result<T> in the pool, then done on the loop.
  template <typename T, typename Job>
  void submit(Job job, Done<T> done);
  void finished();

  os::World& world_;
  std::shared_ptr<Database> database_;
  std::shared_ptr<os::File> marks_;
  std::uint64_t waiting_ = 0;
  std::function<void()> closing_;
  bool closed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::sim
