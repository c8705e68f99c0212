#include "cloud/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <cmath>
#include <limits>

namespace selvedge::cloud {
namespace {

constexpr int busy_milliseconds = 5000;

base::Code code_of(int result, int system_error) {
  switch (result & 0xFF) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return base::Code::exhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
      return base::Code::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return base::Code::corrupt;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      return base::Code::denied;
    case SQLITE_TOOBIG:
      return base::Code::invalid_input;
    case SQLITE_CONSTRAINT:
      return base::Code::conflict;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      return base::system_error("", system_error).code;
    default:
      return base::Code::internal;
  }
}

base::Error error_of(sqlite3* connection) {
  const int result = sqlite3_extended_errcode(connection);
  const int system_error = sqlite3_system_errno(connection);
  std::string message = sqlite3_errmsg(connection);
  const int kind = result & 0xFF;
  if ((kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN) && system_error != 0) {
    return base::system_error(message, system_error);
  }
  return {code_of(result, system_error), std::move(message)};
}

// For errors that leave no connection to ask.
base::Error error_of(int result) {
  return {code_of(result, 0), sqlite3_errstr(result)};
}

}  // namespace

void Statement::reset() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Statement::bind_one(int at, std::int64_t value) {
  CHECK(sqlite3_bind_int64(statement_, at, value) == SQLITE_OK);
}

void Statement::bind_one(int at, double value) {
  CHECK(sqlite3_bind_double(statement_, at, value) == SQLITE_OK);
}

void Statement::bind_one(int at, std::string_view value) {
  // A null pointer would be NULL, not the empty text.
  const char* data = value.data() == nullptr ? "" : value.data();
  CHECK(sqlite3_bind_text(statement_, at, data, static_cast<int>(value.size()), SQLITE_STATIC) ==
        SQLITE_OK);
}

void Statement::bind_one(int at, base::BytesView value) {
  CHECK(sqlite3_bind_blob64(statement_, at, value.data(), value.size(), SQLITE_STATIC) ==
        SQLITE_OK);
}

base::Result<bool> Statement::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return std::unexpected(error_of(sqlite3_db_handle(statement_)));
}

base::Result<void> Statement::run() {
  while (true) {
    const bool row = TRY(step());
    if (!row) break;
  }
  sqlite3_reset(statement_);
  return {};
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

double Statement::real(int column) const {
  if (sqlite3_column_type(statement_, column) == SQLITE_NULL) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  return sqlite3_column_double(statement_, column);
}

std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

base::BytesView Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Database::Close::operator()(sqlite3* connection) const {
  sqlite3_close_v2(connection);
}
void Database::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

base::Result<Database> Database::open(const std::string& file, Access access) {
  const int flags = (access == Access::read_only ? SQLITE_OPEN_READONLY
                                                 : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* connection = nullptr;
  const int result = sqlite3_open_v2(file.c_str(), &connection, flags, nullptr);
  Database database(connection);
  if (result != SQLITE_OK) {
    return std::unexpected((connection == nullptr ? error_of(result) : error_of(connection))
                               .while_doing("open " + file));
  }
  sqlite3_busy_timeout(connection, busy_milliseconds);
  return database;
}

base::Result<void> Database::run(const std::string& sql) {
  if (sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return {};
  }
  return std::unexpected(error_of(connection_.get()));
}

base::Result<std::int64_t> Database::number(std::string_view sql) {
  Statement statement = TRY(prepare(sql));
  const bool row = TRY(statement.step());
  return row ? statement.integer(0) : 0;
}

base::Result<Statement> Database::prepare(std::string_view sql) {
  auto& kept = statements_[std::string(sql)];
  if (kept == nullptr) {
    sqlite3_stmt* statement = nullptr;
    const int result =
        sqlite3_prepare_v3(connection_.get(), sql.data(), static_cast<int>(sql.size()),
                           SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (result != SQLITE_OK) return std::unexpected(error_of(connection_.get()));
    kept.reset(statement);
  }
  return Statement(kept.get());
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(connection_.get());
}
std::int64_t Database::last_row() const {
  return sqlite3_last_insert_rowid(connection_.get());
}

void Database::close() {
  statements_.clear();
  connection_.reset();
}

base::Result<Transaction> Transaction::begin(Database& database, Kind kind) {
  // A write lock taken only with the first write could fail after reads were decided upon.
  TRY(database.run(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN"));
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ != nullptr) {
    base::ignore(database_->run("ROLLBACK"), "fails when SQLite has rolled back by itself");
  }
}

base::Result<void> Transaction::commit() {
  TRY(database_->run("COMMIT"));
  database_ = nullptr;
  return {};
}

}  // namespace selvedge::cloud
