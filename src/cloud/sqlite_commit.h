// SqliteCommit: one transaction of batches.
//
// Each batch is first held against what is stored, by reading only; one that does not fit is turned
// down and has changed nothing. Then it is written. Totals of series and nodes add up in memory and
// are written at the end, one row for each that changed. Everything here lives for one transaction;
// nothing is remembered that a rollback would have to forget.
// Private to cloud/; belongs to the writer's lane.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "cloud/block_store.h"
#include "cloud/sqlite.h"
#include "cloud/sqlite_batch.h"

namespace selvedge::cloud {

class SqliteCommit {
 public:
  static base::Result<SqliteCommit> begin(Database& database);

  // Writes a batch and says what became of it. An error is the database's; it ends the transaction.
  base::Result<Committed> add(const Incoming& incoming, const CheckedBatch& checked);
  base::Result<void> finish();

 private:
  using RowId = std::int64_t;             // 0: there is none yet

  struct Known {                          // a series by its number in an epoch
    RowId series = 0;
    model::Kind kind{};
  };
  struct Stream {                         // a node's epoch
    RowId id = 0;
    std::unordered_map<std::uint32_t, Known> series;
  };
  struct Node {
    RowId id = 0;
    std::uint64_t all_series = 0;         // stored before this transaction
    std::uint64_t readings = 0, blocks = 0, bytes = 0, series = 0;   // added by it
    base::Time seen{};
    std::unordered_map<std::uint64_t, Stream> streams;               // by epoch
  };
  struct SeriesChange {
    std::uint64_t readings = 0, blocks = 0, bytes = 0;
    base::Time first_time{INT64_MAX}, last_time{INT64_MIN};
    double last = 0;
    std::int64_t longest = 0;
  };

  SqliteCommit(Database& database, Transaction transaction);

  base::Result<Node*> find_node(const std::string& name);
  base::Result<Stream*> find_stream(Node& node, model::Epoch epoch);
  base::Result<Known> find_series(Stream& stream, model::SeriesId number);
  // Why the batch does not fit what is stored; nothing if it does.
  base::Result<std::optional<base::Error>> objection(Node& node, Stream& stream,
                                                     const CheckedBatch& checked);
  base::Result<std::optional<base::Error>> objection(Stream& stream, const model::SeriesDef& def);

  base::Result<void> make_node(const Incoming& incoming, Node& node);
  base::Result<void> make_stream(Node& node, model::Epoch epoch, Stream& stream);
  base::Result<void> define(Node& node, Stream& stream, const model::SeriesDef& def);
  base::Result<bool> insert(const Stream& stream, const codec::uplink::BlockView& block,
                            const model::BlockSummary& summary, base::Time arrived);
  void count(Node& node, RowId series, const model::BlockSummary& summary, std::size_t bytes);

  Database* database_;
  Transaction transaction_;
  std::unordered_map<std::string, Node> nodes_;
  std::unordered_map<RowId, SeriesChange> series_;
  std::uint64_t new_nodes_ = 0;
};

}  // namespace selvedge::cloud
