#include "cloud/sqlite_schema.h"

namespace selvedge::cloud {
namespace {

constexpr std::int64_t application_id = 0x53656C76;  // "Selv"

// blocks has a hidden row number, so that frames are appended to the table and only the small
// indexes are written in the middle. A table clustered by its key (WITHOUT ROWID) would move every
// frame above a quarter of a page to a page of its own: 2.6 times the space at 1.5 KB.
//
// series.longest is the greatest last_time - first_time of its blocks: it bounds how far before a
// range a block may begin and still reach into it, so that one index on first_time is enough.
constexpr const char* version_1 = R"(
CREATE TABLE nodes (
  id        INTEGER PRIMARY KEY,
  name      TEXT NOT NULL UNIQUE,
  serial    TEXT NOT NULL,
  status    TEXT NOT NULL,
  joined_at INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  readings  INTEGER NOT NULL DEFAULT 0,
  blocks    INTEGER NOT NULL DEFAULT 0,
  bytes     INTEGER NOT NULL DEFAULT 0,
  series    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE node_epochs (
  id    INTEGER PRIMARY KEY,
  node  INTEGER NOT NULL REFERENCES nodes,
  epoch INTEGER NOT NULL,
  UNIQUE (node, epoch)
) STRICT;
CREATE TABLE series (
  id         INTEGER PRIMARY KEY,
  node       INTEGER NOT NULL REFERENCES nodes,
  name       TEXT NOT NULL,
  kind       INTEGER NOT NULL,
  device     TEXT NOT NULL,
  readings   INTEGER NOT NULL DEFAULT 0,
  blocks     INTEGER NOT NULL DEFAULT 0,
  bytes      INTEGER NOT NULL DEFAULT 0,
  first_time INTEGER,
  last_time  INTEGER,
  last       REAL,
  longest    INTEGER NOT NULL DEFAULT 0,
  UNIQUE (node, name, kind)
) STRICT;
CREATE TABLE epoch_series (
  epoch  INTEGER NOT NULL REFERENCES node_epochs,
  number INTEGER NOT NULL,
  series INTEGER NOT NULL REFERENCES series,
  PRIMARY KEY (epoch, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE blocks (
  epoch      INTEGER NOT NULL REFERENCES node_epochs,
  seq        INTEGER NOT NULL,
  series     INTEGER NOT NULL REFERENCES series,
  sealed_at  INTEGER NOT NULL,
  stored_at  INTEGER NOT NULL,
  first_time INTEGER NOT NULL,
  last_time  INTEGER NOT NULL,
  codec      INTEGER NOT NULL,
  count      INTEGER NOT NULL,
  nan_count  INTEGER NOT NULL,
  min        REAL,
  max        REAL,
  sum        REAL,
  first      REAL,
  last       REAL,
  frame      BLOB NOT NULL,
  PRIMARY KEY (epoch, seq)
) STRICT;
CREATE INDEX blocks_by_time ON blocks (series, first_time, last_time);
CREATE TABLE tokens (
  id      TEXT PRIMARY KEY,
  digest  TEXT NOT NULL,
  node    TEXT NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE certificates (
  serial     TEXT PRIMARY KEY,
  node       INTEGER NOT NULL REFERENCES nodes,
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX certificates_by_node ON certificates (node);
CREATE INDEX certificates_revoked ON certificates (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE TABLE totals (
  nodes       INTEGER NOT NULL,
  series      INTEGER NOT NULL,
  blocks      INTEGER NOT NULL,
  readings    INTEGER NOT NULL,
  frame_bytes INTEGER NOT NULL
) STRICT;
INSERT INTO totals VALUES (0, 0, 0, 0, 0);
)";

// steps[i] leads from version i to version i + 1.
constexpr const char* steps[] = {version_1};
static_assert(std::size(steps) == schema_version);

}  // namespace

base::Result<void> migrate(Database& database) {
  Transaction transaction = TRY(Transaction::begin(database, Transaction::Kind::write));
  const std::int64_t version = TRY(database.number("PRAGMA user_version"));
  const std::int64_t owner = TRY(database.number("PRAGMA application_id"));
  const std::int64_t tables = TRY(database.number("SELECT count(*) FROM sqlite_schema"));
  if (tables > 0 && owner != application_id) {
    return base::fail(base::Code::invalid_input, "it is a database of another program");
  }
  if (version > schema_version) {
    return base::fail(base::Code::invalid_input,
                      "it has schema version " + std::to_string(version) +
                          ", written by a newer Selvedge; this one knows up to " +
                          std::to_string(schema_version));
  }
  if (version < 0) {
    return base::fail(base::Code::corrupt, "its schema version is " + std::to_string(version));
  }
  if (version == schema_version) return {};
  for (std::int64_t at = version; at < schema_version; ++at) TRY(database.run(steps[at]));
  TRY(database.run("PRAGMA application_id = " + std::to_string(application_id) +
                   "; PRAGMA user_version = " + std::to_string(schema_version)));
  return transaction.commit();
}

}  // namespace selvedge::cloud
