// Tokens, nodes and revoked certificates.

#include <gtest/gtest.h>

#include "cloud/sample_batches.h"
#include "cloud/sqlite_reader.h"
#include "cloud/sqlite_writer.h"

namespace selvedge::cloud {
namespace {

using Strings = std::vector<std::string>;

class SqliteIdentity : public testing::Test {
 protected:
  NodeInfo node(std::string name, std::string serial) {
    NodeInfo info;
    info.name = std::move(name);
    info.serial = std::move(serial);
    info.status = "joined";
    info.joined_at = day_one;
    return info;
  }
  base::Code use(const std::string& id, const std::string& digest, const std::string& who,
                 base::Time now = day_one) {
    const auto used = writer_.use_token(id, digest, who, now);
    return used ? base::Code{255} : used.error().code;
  }
  static constexpr base::Code good{255};

  TemporaryFolder folder_;
  SqliteWriter writer_ = SqliteWriter::open(folder_.file("cloud.db")).value();
  SqliteReader reader_ = SqliteReader::open(folder_.file("cloud.db")).value();
};

TEST_F(SqliteIdentity, UsesATokenUpOnce) {
  const base::Time later = day_one + std::chrono::hours(1);
  ASSERT_TRUE(writer_.add_token({"t1", "digest", "", later}, day_one));
  EXPECT_EQ(writer_.add_token({"t1", "digest", "", later}, day_one).error().code,
            base::Code::conflict);
  EXPECT_EQ(use("t2", "digest", "a"), base::Code::denied);
  EXPECT_EQ(use("t1", "guess", "a"), base::Code::denied);  // and the token is still there
  EXPECT_EQ(use("t1", "digest", "a"), good);
  EXPECT_EQ(use("t1", "digest", "a"), base::Code::denied);
}

TEST_F(SqliteIdentity, HoldsATokenToItsNameAndTime) {
  const base::Time later = day_one + std::chrono::hours(1);
  ASSERT_TRUE(writer_.add_token({"t1", "d", "gate", later}, day_one));
  EXPECT_EQ(use("t1", "d", "other"), base::Code::denied);
  EXPECT_EQ(use("t1", "d", "gate", later), base::Code::denied);
  EXPECT_EQ(use("t1", "d", "gate", day_one), good);
}

TEST_F(SqliteIdentity, ForgetsExpiredTokensAndBoundsTheOthers) {
  ASSERT_TRUE(writer_.add_token({"old", "d", "", day_one}, day_one - std::chrono::hours(1)));
  const base::Time later = day_one + std::chrono::hours(1);
  ASSERT_TRUE(writer_.database().run(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "
      "INSERT INTO tokens SELECT 'n' || i, 'd', '', " +
      std::to_string(later.ns) + " FROM n"));
  EXPECT_TRUE(writer_.add_token({"last", "d", "", later}, day_one));  // "old" made room
  EXPECT_EQ(writer_.add_token({"more", "d", "", later}, day_one).error().code,
            base::Code::exhausted);
  EXPECT_EQ(use("n5", "d", "a"), good);
  EXPECT_TRUE(writer_.add_token({"more", "d", "", later}, day_one));
}

TEST_F(SqliteIdentity, KeepsNodesApart) {
  ASSERT_TRUE(writer_.add_node(node("a", "01"), false));
  EXPECT_EQ(writer_.add_node(node("a", "02"), false).error().code, base::Code::conflict);
  ASSERT_TRUE(writer_.add_node(node("a", "02"), true));
  ASSERT_TRUE(writer_.add_node(node("b", "03"), true));
  const auto nodes = reader_.nodes().value();
  ASSERT_EQ(nodes.size(), 2U);
  EXPECT_EQ(nodes[0].serial, "02");
  EXPECT_EQ(nodes[0].status, "joined");
  EXPECT_EQ(reader_.totals().value().nodes, 2U);
  EXPECT_EQ(reader_.revoked().value(), Strings{});  // a renewed certificate runs out by itself
}

TEST_F(SqliteIdentity, RevokesAllCertificatesOfANode) {
  ASSERT_TRUE(writer_.add_node(node("a", "01"), false));
  ASSERT_TRUE(writer_.add_node(node("a", "02"), true));
  ASSERT_TRUE(writer_.add_node(node("b", "03"), false));
  EXPECT_EQ(writer_.revoke_node("c", day_one).error().code, base::Code::not_found);
  EXPECT_EQ(writer_.revoke_node("a", day_one).value(), (Strings{"01", "02"}));
  EXPECT_EQ(reader_.revoked().value(), (Strings{"01", "02"}));
  EXPECT_EQ(reader_.nodes().value()[0].status, "revoked");
  // The same name may join anew; its old certificates stay revoked.
  ASSERT_TRUE(writer_.add_node(node("a", "04"), false));
  EXPECT_EQ(reader_.nodes().value()[0].status, "joined");
  EXPECT_EQ(reader_.revoked().value(), (Strings{"01", "02"}));
}

TEST_F(SqliteIdentity, KeepsTheReadingsOfANodeThatJoinsAgain) {
  ASSERT_TRUE(
      writer_.commit({SampleBatch(1).series(1, "s").block(1, 1, sample_frame(0, 5)).from("a")}));
  ASSERT_TRUE(writer_.add_node(node("a", "01"), true));
  EXPECT_EQ(reader_.nodes().value()[0].readings, 5U);
  EXPECT_EQ(reader_.totals().value().nodes, 1U);
}

TEST_F(SqliteIdentity, NotesWhenANodeWasLastSeen) {
  ASSERT_TRUE(writer_.add_node(node("a", "01"), false));
  const base::Time later = day_one + std::chrono::hours(1);
  ASSERT_TRUE(writer_.seen({{"a", later}, {"unknown", later}}));
  ASSERT_TRUE(writer_.seen({{"a", day_one}}));  // a clock that went back changes nothing
  ASSERT_EQ(reader_.nodes().value().size(), 1U);
  EXPECT_EQ(reader_.nodes().value()[0].last_seen, later);
}

}  // namespace
}  // namespace selvedge::cloud
