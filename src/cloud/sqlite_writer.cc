#include "cloud/sqlite_writer.h"

#include "base/text.h"
#include "cloud/sqlite_commit.h"
#include "cloud/sqlite_schema.h"

namespace selvedge::cloud {
namespace {

constexpr std::int64_t max_live_tokens = 10'000;

// FULL: a commit is on disk when it returns. The log is folded into the database every 16 MiB and
// cut back to 64 MiB should a long query have kept it from that. 32 MiB of cache.
constexpr const char* settings =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096; "
    "PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY";

constexpr std::string_view delete_expired = "DELETE FROM tokens WHERE expires <= ?";
constexpr std::string_view count_tokens = "SELECT count(*) FROM tokens";
constexpr std::string_view insert_token =
    "INSERT INTO tokens (id, digest, node, expires) VALUES (?, ?, ?, ?)";
constexpr std::string_view select_token =
    "SELECT node, expires FROM tokens WHERE id = ? AND digest = ?";
constexpr std::string_view delete_token = "DELETE FROM tokens WHERE id = ?";
constexpr std::string_view select_node = "SELECT id, status FROM nodes WHERE name = ?";
constexpr std::string_view insert_node =
    "INSERT INTO nodes (name, serial, status, joined_at, last_seen) VALUES (?, ?, ?, ?, ?)";
constexpr std::string_view replace_node =
    "UPDATE nodes SET serial = ?, status = ?, joined_at = ? WHERE id = ?";
constexpr std::string_view count_node = "UPDATE totals SET nodes = nodes + 1";
constexpr std::string_view insert_certificate =
    "INSERT INTO certificates (serial, node) VALUES (?, ?) ON CONFLICT (serial) DO NOTHING";
constexpr std::string_view set_revoked = "UPDATE nodes SET status = 'revoked' WHERE id = ?";
constexpr std::string_view revoke_certificates =
    "UPDATE certificates SET revoked_at = coalesce(revoked_at, ?1) WHERE node = ?2 RETURNING "
    "serial";
constexpr std::string_view set_seen =
    "UPDATE nodes SET last_seen = max(last_seen, ?2) WHERE name = ?1";

}  // namespace

base::Result<SqliteWriter> SqliteWriter::open(const std::string& file) {
  Database database = TRY(Database::open(file, Database::Access::read_write));
  TRY(while_doing("open " + file, database.run(settings)));
  TRY(while_doing("open " + file, migrate(database)));
  return SqliteWriter(std::move(database));
}

base::Result<std::vector<Committed>> SqliteWriter::commit(const std::vector<Incoming>& batches) {
  constexpr std::string_view step = "commit batches";
  std::vector<base::Result<CheckedBatch>> checked;
  checked.reserve(batches.size());
  for (const Incoming& incoming : batches) checked.push_back(check_batch(incoming.payload));

  SqliteCommit commit = TRY(while_doing(step, SqliteCommit::begin(database_)));
  std::vector<Committed> done;
  done.reserve(batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (checked[i]) {
      done.push_back(TRY(while_doing(step, commit.add(batches[i], *checked[i]))));
    } else {
      done.emplace_back();
      done.back().node = batches[i].node;
      done.back().refused = std::move(checked[i]).error();
    }
  }
  TRY(while_doing(step, commit.finish()));
  return done;
}

base::Result<bool> SqliteWriter::add_token(const TokenInfo& token, base::Time now) {
  Transaction transaction = TRY(Transaction::begin(database_, Transaction::Kind::write));
  {
    Statement statement = TRY(database_.prepare(delete_expired));
    TRY(statement.bind(now).run());
  }
  if (TRY(database_.number(count_tokens)) >= max_live_tokens) {
    return base::fail(base::Code::exhausted, "add join token: " + std::to_string(max_live_tokens) +
                                                 " tokens are waiting to be used");
  }
  {
    Statement statement = TRY(database_.prepare(insert_token));
    const auto added = statement.bind(token.id, token.digest, token.node, token.expires).run();
    if (!added) return std::unexpected(base::Error(added.error()).while_doing("add join token"));
  }
  TRY(transaction.commit());
  return true;
}

// The digest is compared by the database, not in constant time: who does not know the secret cannot
// choose its digest, so the time tells nothing.
base::Result<bool> SqliteWriter::use_token(const std::string& id, const std::string& digest,
                                           const std::string& node, base::Time now) {
  Transaction transaction = TRY(Transaction::begin(database_, Transaction::Kind::write));
  {
    Statement found = TRY(database_.prepare(select_token));
    if (!TRY(found.bind(id, digest).step())) {
      return base::fail(base::Code::denied, "use join token: it is unknown or was used before");
    }
    if (found.time(1) <= now) {
      return base::fail(base::Code::denied,
                        "use join token: it expired at " + base::to_iso8601(found.time(1)));
    }
    if (!found.text(0).empty() && found.text(0) != node) {
      return base::fail(base::Code::denied, "use join token: it was made for another node than \"" +
                                                base::printable(node) + "\"");
    }
  }
  Statement statement = TRY(database_.prepare(delete_token));
  TRY(statement.bind(id).run());
  TRY(transaction.commit());
  return true;
}

base::Result<bool> SqliteWriter::add_node(const NodeInfo& node, bool replace) {
  Transaction transaction = TRY(Transaction::begin(database_, Transaction::Kind::write));
  std::int64_t id = 0;
  {
    Statement found = TRY(database_.prepare(select_node));
    if (TRY(found.bind(node.name).step())) {
      id = found.integer(0);
      if (!replace && found.text(1) != "revoked") {
        return base::fail(base::Code::conflict,
                          "add node \"" + base::printable(node.name) + "\": it exists already");
      }
    }
  }
  if (id != 0) {
    Statement statement = TRY(database_.prepare(replace_node));
    TRY(statement.bind(node.serial, node.status, node.joined_at, id).run());
  } else {
    Statement statement = TRY(database_.prepare(insert_node));
    TRY(statement.bind(node.name, node.serial, node.status, node.joined_at, node.last_seen).run());
    id = database_.last_row();
    TRY(database_.run(std::string(count_node)));
  }
  if (!node.serial.empty()) {
    Statement statement = TRY(database_.prepare(insert_certificate));
    TRY(statement.bind(node.serial, id).run());
  }
  TRY(transaction.commit());
  return true;
}

base::Result<std::vector<std::string>> SqliteWriter::revoke_node(const std::string& name,
                                                                 base::Time now) {
  Transaction transaction = TRY(Transaction::begin(database_, Transaction::Kind::write));
  std::int64_t id = 0;
  {
    Statement found = TRY(database_.prepare(select_node));
    if (!TRY(found.bind(name).step())) {
      return base::fail(base::Code::not_found,
                        "revoke node \"" + base::printable(name) + "\": it is unknown");
    }
    id = found.integer(0);
  }
  {
    Statement statement = TRY(database_.prepare(set_revoked));
    TRY(statement.bind(id).run());
  }
  std::vector<std::string> serials;
  {
    Statement statement = TRY(database_.prepare(revoke_certificates));
    statement.bind(now, id);
    while (TRY(statement.step())) serials.emplace_back(statement.text(0));
  }
  TRY(transaction.commit());
  return serials;
}

base::Result<bool> SqliteWriter::seen(
    const std::vector<std::pair<std::string, base::Time>>& nodes) {
  Transaction transaction = TRY(Transaction::begin(database_, Transaction::Kind::write));
  for (const auto& [name, at] : nodes) {
    Statement statement = TRY(database_.prepare(set_seen));
    TRY(statement.bind(name, at).run());
  }
  TRY(transaction.commit());
  return true;
}

base::Result<bool> SqliteWriter::close() {
  // The log is whole without this; it only makes the next start quicker and the folder tidier.
  base::ignore(database_.run("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE)"),
               "the log is read at the next start");
  database_.close();
  return true;
}

}  // namespace selvedge::cloud
