// SqliteWriter: everything that changes the cloud's database, on its one writing connection.
// Private to cloud/; belongs to the writer's lane.

#pragma once

#include <span>
#include <string>
#include <vector>

#include "cloud/block_store.h"
#include "cloud/sqlite.h"

namespace selvedge::cloud {

class SqliteWriter {
 public:
  // Opens or makes the database and brings its schema up to date.
  static base::Result<SqliteWriter> open(const std::string& file);

  base::Result<std::vector<Committed>> commit(const std::vector<Incoming>& batches);

  base::Result<bool> add_token(const TokenInfo& token, base::Time now);
  base::Result<bool> use_token(const std::string& id, const std::string& digest,
                               const std::string& node, base::Time now);
  base::Result<bool> add_node(const NodeInfo& node, bool replace);
  base::Result<std::vector<std::string>> revoke_node(const std::string& name, base::Time now);
  base::Result<bool> seen(const std::vector<std::pair<std::string, base::Time>>& nodes);
  // Moves the write-ahead log into the database and closes it.
  base::Result<bool> close();

  Database& database() { return database_; }

 private:
  explicit SqliteWriter(Database database) : database_(std::move(database)) {}

  Database database_;
};

}  // namespace selvedge::cloud
