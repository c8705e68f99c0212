// A process killed in the middle of its commits, and files that are not what they should be.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "cloud/sample_batches.h"
#include "cloud/sqlite_reader.h"
#include "cloud/sqlite_schema.h"
#include "cloud/sqlite_writer.h"

namespace selvedge::cloud {
namespace {

constexpr std::uint64_t blocks_of_batch = 25;

Incoming numbered_batch(std::uint64_t number) {
  SampleBatch batch(1);
  batch.series(1, "a");
  for (std::uint64_t i = 0; i < blocks_of_batch; ++i) {
    batch.block(number * blocks_of_batch + i + 1, 1,
                sample_frame(static_cast<std::int64_t>(number * 1000 + i), 100));
  }
  return batch.from("gate");
}

// Commits batch after batch, and tells through `pipe` after each; ends only by being killed.
[[noreturn]] void commit_for_ever(const std::string& file, std::uint64_t number, int pipe) {
  SqliteWriter writer = SqliteWriter::open(file).value();
  // A small log makes it fold into the database, and be caught at it, often.
  writer.database().run("PRAGMA wal_autocheckpoint = 20").value();
  while (true) {
    writer.commit({numbered_batch(number++)}).value();
    if (::write(pipe, "c", 1) != 1) ::_exit(1);
  }
}

TEST(SqliteCrash, NeverShowsHalfABatchNorLosesOneThatWasCommitted) {
  const TemporaryFolder folder;
  const std::string file = folder.file("cloud.db");
  std::uint64_t number = 0;
  for (int round = 0; round < 10; ++round) {
    const int commits = 1 + round % 5 * 2;
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_for_ever(file, number, pipe[1]);
    ::close(pipe[1]);
    char told = 0;
    for (int i = 0; i < commits; ++i) ASSERT_EQ(::read(pipe[0], &told, 1), 1);
    number += static_cast<std::uint64_t>(commits);
    ::kill(child, SIGKILL);  // at whatever it is doing by now
    while (::read(pipe[0], &told, 1) == 1) ++number;
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    SqliteWriter writer = SqliteWriter::open(file).value();
    SqliteReader reader = SqliteReader::open(file).value();
    const auto count = [&](std::string_view sql) {
      return static_cast<std::uint64_t>(writer.database().number(sql).value());
    };
    const std::uint64_t stored = count("SELECT count(*) FROM blocks");
    EXPECT_EQ(stored % blocks_of_batch, 0U);
    // The last commit may have been done and not told any more.
    EXPECT_GE(stored, number * blocks_of_batch);
    EXPECT_LE(stored, (number + 1) * blocks_of_batch);
    EXPECT_EQ(count("SELECT max(seq) FROM blocks"), stored);
    EXPECT_EQ(reader.totals().value().blocks, stored);
    EXPECT_EQ(reader.totals().value().readings, stored * 100);
    EXPECT_EQ(reader.nodes().value().front().blocks, stored);
    Statement check = writer.database().prepare("PRAGMA integrity_check").value();
    ASSERT_TRUE(check.step().value());
    EXPECT_EQ(check.text(0), "ok");
    number = stored / blocks_of_batch;
  }
}

TEST(SqliteSchema, OpensItsOwnDatabaseAgain) {
  const TemporaryFolder folder;
  const std::string file = folder.file("cloud.db");
  ASSERT_TRUE(SqliteWriter::open(file).value().commit({numbered_batch(0)}));
  ASSERT_TRUE(SqliteWriter::open(file).value().close());
  EXPECT_FALSE(std::filesystem::exists(file + "-wal"));
  SqliteWriter writer = SqliteWriter::open(file).value();
  EXPECT_EQ(writer.commit({numbered_batch(0)}).value().front().duplicates, blocks_of_batch);
  EXPECT_EQ(writer.database().number("PRAGMA user_version").value(), schema_version);
}

TEST(SqliteSchema, RefusesANewerDatabase) {
  const TemporaryFolder folder;
  const std::string file = folder.file("cloud.db");
  ASSERT_TRUE(SqliteWriter::open(file).value().database().run("PRAGMA user_version = 2"));
  const auto opened = SqliteWriter::open(file);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, base::Code::invalid_input);
  EXPECT_EQ(opened.error().message,
            "open " + file +
                ": it has schema version 2, written by a newer Selvedge; this one "
                "knows up to 1");
}

TEST(SqliteSchema, RefusesADatabaseOfAnotherProgram) {
  const TemporaryFolder folder;
  const std::string file = folder.file("cloud.db");
  ASSERT_TRUE(Database::open(file, Database::Access::read_write).value().run("CREATE TABLE t (x)"));
  EXPECT_EQ(SqliteWriter::open(file).error().code, base::Code::invalid_input);
}

TEST(SqliteSchema, SaysWhenTheFileIsNoDatabase) {
  const TemporaryFolder folder;
  const std::string file = folder.file("cloud.db");
  std::ofstream(file) << std::string(8192, 'x');
  const auto opened = SqliteWriter::open(file);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, base::Code::corrupt);
  EXPECT_NE(opened.error().message.find("file is not a database"), std::string::npos);
}

TEST(SqliteSchema, SaysWhenTheFolderIsNotThere) {
  const TemporaryFolder folder;
  const auto opened = SqliteWriter::open(folder.file("nowhere/cloud.db"));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, base::Code::not_found);
}

TEST(SqliteCrash, SaysThatPagesAreDamaged) {
  const TemporaryFolder folder;
  const std::string file = folder.file("cloud.db");
  {
    SqliteWriter writer = SqliteWriter::open(file).value();
    for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(writer.commit({numbered_batch(i)}));
    ASSERT_TRUE(writer.close());
  }
  const auto size = std::filesystem::file_size(file);
  {
    std::fstream damage(file, std::ios::in | std::ios::out | std::ios::binary);
    damage.seekp(4096);  // all but the schema
    const std::string noise(size - 4096, '\xA5');
    damage.write(noise.data(), static_cast<std::streamsize>(noise.size()));
  }
  SqliteWriter writer = SqliteWriter::open(file).value();
  EXPECT_EQ(writer.commit({numbered_batch(20)}).error().code, base::Code::corrupt);
  SqliteReader reader = SqliteReader::open(file).value();
  EXPECT_EQ(reader.totals().error().code, base::Code::corrupt);
  EXPECT_EQ(reader.query("gate", "a", {}).error().code, base::Code::corrupt);
}

}  // namespace
}  // namespace selvedge::cloud
