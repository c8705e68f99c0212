#include "store/audit_record.h"

#include <gtest/gtest.h>

namespace selvedge::store {
namespace {

// Ten records in a chain.
std::vector<std::string> chain_of(std::uint64_t count) {
  std::vector<std::string> lines;
  std::string previous = no_audit_hash();
  for (std::uint64_t i = 1; i <= count; ++i) {
    AuditRecord record;
    record.seq = i;
    record.at = {static_cast<std::int64_t>(i) * 1'000'000'000};
    record.who = "operator:alice";
    record.from = "192.0.2.7";
    record.action = "twin.edit";
    record.target = "edge-1:pump-" + std::to_string(i);
    record.before = R"({"speed":1})";
    record.after = R"({"speed":2})";
    record.previous = previous;
    lines.push_back(write_audit_line(record));
    previous = audit_hash(lines.back());
  }
  return lines;
}

AuditHead head_of(const std::vector<std::string>& lines) {
  AuditHead head;
  head.seq = lines.size();
  head.hash = audit_hash(lines.back());
  return head;
}

AuditVerdict check(const std::vector<std::string>& lines, std::optional<AuditHead> head = {}) {
  AuditChain chain(std::move(head));
  for (const std::string& line : lines) chain.line(line);
  return chain.finish();
}

TEST(AuditRecord, ComesBackAsItWasWritten) {
  AuditRecord record;
  record.seq = 7;
  record.at = {1'700'000'000'123'000'000};
  record.who = "operator:alice";
  record.action = "note";
  record.before = "a \"quoted\"\nline \x01";
  record.after = "gr\xC3\xB6\xC3\x9F" "er";
  record.previous = audit_hash("x");
  const auto read = read_audit_line(write_audit_line(record));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->seq, 7u);
  EXPECT_EQ(read->at, record.at);
  EXPECT_EQ(read->before, record.before);
  EXPECT_EQ(read->after, record.after);
  EXPECT_EQ(read->previous, record.previous);
}

TEST(AuditRecord, LongValuesAreCutAndBytesThatAreNoTextAreEscaped) {
  AuditRecord record;
  record.seq = 1;
  record.previous = no_audit_hash();
  for (int i = 0; i < 10'000; ++i) record.before += "\xC3\xB6";
  record.after = std::string("\xFF\xFE\x00", 3);
  const auto read = read_audit_line(write_audit_line(record));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_LE(read->before.size(), 4096u + 3);
  EXPECT_TRUE(read->before.ends_with("\xC3\xB6..."));
  EXPECT_EQ(read->after.find('\xFF'), std::string::npos);
}

TEST(AuditChain, AnUntouchedChainIsWhole) {
  const auto lines = chain_of(10);
  const AuditVerdict verdict = check(lines, head_of(lines));
  EXPECT_TRUE(verdict.whole());
  EXPECT_EQ(verdict.records, 10u);
  EXPECT_EQ(verdict.covered, 10u);
  EXPECT_EQ(verdict.hash, audit_hash(lines.back()));
}

TEST(AuditChain, EveryChangedRecordShows) {
  const auto lines = chain_of(10);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto changed = lines;
    changed[i].replace(changed[i].find("alice"), 5, "mario");
    EXPECT_FALSE(check(changed, head_of(lines)).whole()) << i;
  }
}

TEST(AuditChain, EveryChangedByteShows) {
  const auto lines = chain_of(4);
  for (std::size_t i = 0; i < lines.size(); ++i)
    for (std::size_t at = 0; at < lines[i].size(); ++at) {
      auto changed = lines;
      changed[i][at] = static_cast<char>(changed[i][at] ^ 1);
      ASSERT_FALSE(check(changed, head_of(lines)).whole()) << i << " " << at;
    }
}

TEST(AuditChain, EveryRemovedRecordShows) {
  const auto lines = chain_of(10);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto left = lines;
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(check(left, head_of(lines)).whole()) << i;
  }
}

TEST(AuditChain, EveryInsertedRecordShows) {
  const auto lines = chain_of(10);
  for (std::size_t i = 0; i <= lines.size(); ++i) {
    auto more = lines;
    AuditRecord record;
    record.seq = i + 1;
    record.previous = i == 0 ? no_audit_hash() : audit_hash(lines[i - 1]);
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(i), write_audit_line(record));
    // At the very end it is the next record like any other: nobody has vouched for it yet.
    EXPECT_EQ(check(more, head_of(lines)).whole(), i == lines.size()) << i;
  }
}

TEST(AuditChain, ReorderedRecordsShow) {
  const auto lines = chain_of(10);
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    auto moved = lines;
    std::swap(moved[i], moved[i + 1]);
    EXPECT_FALSE(check(moved, head_of(lines)).whole()) << i;
  }
}

TEST(AuditChain, AChainWrittenAnewDoesNotMeetItsHead) {
  auto lines = chain_of(10);
  const AuditHead head = head_of(lines);
  auto record = read_audit_line(lines[4]);
  record->who = "operator:mallory";
  lines[4] = write_audit_line(*record);
  for (std::size_t i = 5; i < lines.size(); ++i) {
    record = read_audit_line(lines[i]);
    record->previous = audit_hash(lines[i - 1]);
    lines[i] = write_audit_line(*record);
  }
  EXPECT_TRUE(check(lines).whole());
  EXPECT_FALSE(check(lines, head).whole());
}

TEST(AuditChain, TruncationShowsByTheHead) {
  auto lines = chain_of(10);
  const AuditHead head = head_of(lines);
  lines.resize(7);
  const AuditVerdict verdict = check(lines, head);
  ASSERT_EQ(verdict.faults.size(), 1u);
  EXPECT_NE(verdict.faults[0].what.find("8 to 10"), std::string::npos) << verdict.faults[0].what;
  EXPECT_FALSE(check({}, head).whole());
}

TEST(AuditChain, OldRecordsMayGoWhenTheHeadSaysSo) {
  auto lines = chain_of(10);
  AuditHead head = head_of(lines);
  lines.erase(lines.begin(), lines.begin() + 4);
  EXPECT_FALSE(check(lines, head).whole());
  head.first = 5;
  EXPECT_TRUE(check(lines, head).whole());
  head.first = 3;
  EXPECT_FALSE(check(lines, head).whole());
}

TEST(AuditRecord, RefusesWhatIsNone) {
  for (const char* line : {"", "{}", "[]", "{\"seq\":-1}", "{\"seq\":1,\"at\":\"x\"}",
                           "{\"seq\":1,\"at\":\"2026-01-01\",\"previous\":\"zz\"}"})
    EXPECT_FALSE(read_audit_line(line)) << line;
  EXPECT_FALSE(read_audit_line(std::string(most_audit_line + 1, ' ')));
  for (const char* text : {"", "{}", "{\"first\":1,\"seq\":1,\"hash\":\"00\",\"at\":\"2026-01-01\"}"})
    EXPECT_FALSE(read_audit_head(text)) << text;
}

}  // namespace
}  // namespace selvedge::store
