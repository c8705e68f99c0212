#include "cli/event_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace selvedge::cli {
namespace {

std::vector<std::string> read(std::string_view text, std::size_t piece) {
  std::vector<std::string> events;
  EventReader reader;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const auto done = reader.read(base::as_bytes(text.substr(at, piece)), [&](const ServerEvent& e) {
      events.push_back(e.name + "|" + e.data + "|" + e.id);
    });
    EXPECT_TRUE(done);
  }
  return events;
}

TEST(EventReader, ReadsEventsWhereverTheyAreCut) {
  const std::string text =
      ": a comment\nretry: 2000\nid: 1\n\n"      // no data: no event, but an id
      "data: one\n\n"
      "event: end\r\ndata:two\r\ndata:  lines\r\nid: 2\r\n\r\n"
      "data\n\n"
      "nonsense\ndata: last\r\r"
      "data: not finished";
  const std::vector<std::string> expected = {"|one|1", "end|two\n lines|2", "||2", "|last|2"};
  for (std::size_t piece = 1; piece <= text.size(); ++piece) EXPECT_EQ(read(text, piece), expected);
}

TEST(EventReader, StopsAtAnEventThatIsTooLarge) {
  EventReader reader(100);
  const std::string line = "data: " + std::string(60, 'x') + "\n";
  const auto ignored = [](const ServerEvent&) {};
  EXPECT_TRUE(reader.read(base::as_bytes(line), ignored));
  const auto second = reader.read(base::as_bytes(line), ignored);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::exhausted);
}

TEST(EventReader, ForgetsWhatWasBegunButNotTheLastId) {
  EventReader reader;
  std::vector<std::string> events;
  const auto told = [&](const ServerEvent& e) { events.push_back(e.data + "|" + e.id); };
  ASSERT_TRUE(reader.read(base::as_bytes("id: 7\ndata: a\n\ndata: half\nda"), told));
  reader.begin_again();
  ASSERT_TRUE(reader.read(base::as_bytes("data: b\n\n"), told));
  EXPECT_EQ(events, (std::vector<std::string>{"a|7", "b|7"}));
  EXPECT_EQ(reader.last_id(), "7");
}

}  // namespace
}  // namespace selvedge::cli
