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
  base::Result<std::vector<NodeInfo>> nodes();
  base::Result<StoreTotals> totals();
  base::Result<std::vector<std::string>> revoked();
  void close() { database_.close(); }

 private:
  explicit SqliteReader(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace selvedge::cloud
