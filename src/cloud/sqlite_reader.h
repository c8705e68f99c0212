// SqliteReader: every question to the cloud's database, on a connection that cannot write. In WAL
// mode it neither waits for commits nor holds them up, and sees whole transactions only.
// Private to cloud/; belongs to the reader's lane.

#pragma once

#include <string>
#include <vector>

#include "cloud/block_store.h"
#include "cloud/sqlite.h"

namespace selvedge::cloud {

class SqliteReader {
 public:
  // The database must have been made by a SqliteWriter.
  static base::Result<SqliteReader> open(const std::string& file);

  base::Result<std::vector<SeriesInfo>> series(const std::string& node, const std::string& pattern,
                                               std::uint64_t limit);
  base::Result<engine::QueryResult> query(const std::string& node, const std::string& series,
                                          const engine::QueryRange& range);
  base::Result<std::vector<BlockInfo>> blocks(const std::string& node, const std::string& series,
                                              base::Time from, base::Time to, std::uint64_t limit);
  base::Result<std::vector<NodeInfo>> nodes();
  base::Result<StoreTotals> totals();
  base::Result<std::vector<std::string>> revoked();
  void close() { database_.close(); }

 private:
  explicit SqliteReader(Database database) : database_(std::move(database)) {}

  // Code::not_found, in the name of `step`, if the node has no such series.
  struct Queried {
    std::int64_t id = 0, longest = 0;
    model::Kind kind{};
  };
  base::Result<Queried> find(const std::string& step, const std::string& node,
                             const std::string& series);

  Database database_;
};

}  // namespace selvedge::cloud
