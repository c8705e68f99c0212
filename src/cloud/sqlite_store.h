// SqliteStore: the BlockStore on SQLite, one file "cloud.db" (with "-wal" and "-shm" beside it).
//
// Two connections, each on a lane of its own: one writes, one answers meanwhile. Each lane
// holds a bounded number of waiting calls; one more is Code::exhausted at once. Once close() was
// called every further call is Code::unavailable. When the store is destroyed, calls under way end
// in the pool and nobody is called back.

#pragma once

#include <map>

#include "cloud/block_store.h"
#include "cloud/sqlite_reader.h"
#include "cloud/sqlite_writer.h"

namespace selvedge::cloud {

struct SqliteLimits {
  std::uint32_t waiting_calls = 1024;   // of one lane
  std::uint64_t pages = 0;              // of 4 KiB that the file may have; 0: SQLite's bound
};

class SqliteStore final : public BlockStore {
 public:
  static base::Result<std::unique_ptr<SqliteStore>> open(os::World& world, std::string_view path,
                                                         SqliteLimits limits);

  void commit(std::vector<Incoming> batches, Done<std::vector<Committed>> done) override;
  void series(std::string node, std::string pattern, std::uint64_t limit,
              Done<std::vector<SeriesInfo>> done) override;
  void query(std::string node, std::string series, engine::QueryRange range,
             Done<engine::QueryResult> done) override;
  void blocks(std::string node, std::string series, base::Time from, base::Time to,
              std::uint64_t limit, Done<std::vector<BlockInfo>> done) override;
  void nodes(Done<std::vector<NodeInfo>> done) override;
  void totals(Done<StoreTotals> done) override;
  void add_token(TokenInfo token, Done<bool> done) override;
  void use_token(std::string id, std::string digest, std::string node, base::Time now,
                 Done<bool> done) override;
  void add_node(NodeInfo node, bool replace, Done<bool> done) override;
  void revoke_node(std::string name, Done<std::vector<std::string>> serials) override;
  void revoked(Done<std::vector<std::string>> done) override;
  void seen(std::string node, base::Time at) override;
  void close(std::function<void()> done) override;

 private:
  // A connection and its place in the pool. The connection is shared with the calls under way.
  template <typename Connection>
  struct Lane {
    std::uint32_t number;
    std::shared_ptr<Connection> connection;
    std::uint32_t waiting = 0;
  };

  SqliteStore(os::World& world, SqliteLimits limits, SqliteWriter writer, SqliteReader reader);

  // Runs job(connection) -> Result<T> on the lane, then done on the loop. submit() first asks
  // whether the store takes calls.
  template <typename T, typename Connection, typename Job>
  void submit(Lane<Connection>& lane, Job job, Done<T> done);
  template <typename T, typename Connection, typename Job>
  void run(Lane<Connection>& lane, Job job, Done<T> done);
  void write_seen();

  os::World& world_;
  SqliteLimits limits_;
  Lane<SqliteWriter> writing_;
  Lane<SqliteReader> reading_;
  std::map<std::string, base::Time> seen_;   // not yet written: many logins are one transaction
  bool writing_seen_ = false;
  bool closed_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::cloud
