// Database and Statement: SQLite behind our Result. Private to cloud/.
//
// A Database is one connection and belongs to one thread at a time (one lane of the pool).
// Statements are prepared once and kept. SQLite's errors become Codes: a full disk is exhausted, a
// lock that does not go away in five seconds is unavailable, damage is corrupt.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace selvedge::cloud {

// A prepared statement in use; ready for the next use when it goes. What is bound must outlive the
// last step.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  ~Statement() { reset(); }
  Statement(Statement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Statement& operator=(Statement&&) = delete;

  // Binds all parameters, from the first on. NaN is stored as NULL.
  template <typename... Values>
  Statement& bind(const Values&... values) {
    int at = 0;
    (bind_one(++at, values), ...);
    return *this;
  }

  // True: there is a row.
  base::Result<bool> step();
  // Steps to the end and resets.
  base::Result<void> run();
  void reset();

  // Columns of the present row, from 0; views last until the next step.
  std::int64_t integer(int column) const;
  std::uint64_t count(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  base::Time time(int column) const { return {integer(column)}; }
  double real(int column) const;   // NULL is NaN
  std::string_view text(int column) const;
  base::BytesView blob(int column) const;

 private:
  void bind_one(int at, std::int64_t value);
  void bind_one(int at, std::uint64_t value) { bind_one(at, static_cast<std::int64_t>(value)); }
  void bind_one(int at, std::uint32_t value) { bind_one(at, static_cast<std::int64_t>(value)); }
  void bind_one(int at, std::uint8_t value) { bind_one(at, static_cast<std::int64_t>(value)); }
  void bind_one(int at, base::Time value) { bind_one(at, value.ns); }
  void bind_one(int at, double value);
  void bind_one(int at, std::string_view value);
  void bind_one(int at, const std::string& value) { bind_one(at, std::string_view(value)); }
  void bind_one(int at, base::BytesView value);

  sqlite3_stmt* statement_;
};

class Database {
 public:
  enum class Access : std::uint8_t { read_write, read_only };
  static base::Result<Database> open(const std::string& file, Access access);

  // Any number of statements without parameters; their rows are dropped.
  base::Result<void> run(const std::string& sql);
  // The first column of the first row, 0 if there is none.
  base::Result<std::int64_t> number(std::string_view sql);
  base::Result<Statement> prepare(std::string_view sql);

  std::int64_t changes() const;       // rows that the last statement wrote
  std::int64_t last_row() const;
  void close();                       // at the latest by the destructor

 private:
  struct Close {
    void operator()(sqlite3* connection) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Database(sqlite3* connection) : connection_(connection) {}

  std::unique_ptr<sqlite3, Close> connection_;
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

// Begins at once; rolls back unless committed.
class Transaction {
 public:
  enum class Kind : std::uint8_t { read, write };
  static base::Result<Transaction> begin(Database& database, Kind kind);
  ~Transaction();
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;

  base::Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}

  Database* database_;
};

}  // namespace selvedge::cloud
