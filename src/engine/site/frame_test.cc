#include "engine/site/frame.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

std::vector<SiteFrame> some() {
  SiteBeat beat;
  beat.node = "n1";
  beat.incarnation = 7;
  beat.tasks = {{"a", 1, 2, std::chrono::milliseconds(200)}};
  return {SiteGreeting{"hall", "n1", site_members({"n1", "n2"})}, beat, SiteDocument{"a", 1, 2, 3, R"({"command":["x"]})"},
          SiteDocument{"b", 1, 2, 4, ""}};
}

TEST(SiteFrame, ComesOutAsItWentInHoweverItIsCut) {
  base::Bytes bytes;
  for (const SiteFrame& frame : some()) encode_site_frame(frame, bytes);
  for (std::size_t step = 1; step < bytes.size(); ++step) {
    SiteFrameReader reader;
    std::vector<SiteFrame> read;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      reader.add(base::BytesView(bytes).subspan(at, std::min(step, bytes.size() - at)));
      while (true) {
        auto next = reader.next();
        ASSERT_TRUE(next) << next.error().message;
        if (!*next) break;
        read.push_back(std::move(**next));
      }
    }
    EXPECT_EQ(read, some()) << step;
  }
}

TEST(SiteFrame, IsRefusedWhenItIsTooLongOrOfNoKindOrCutOff) {
  const auto why = [](base::Bytes bytes) {
    SiteFrameReader reader;
    reader.add(bytes);
    const auto next = reader.next();
    return next ? "read" : next.error().message;
  };
  EXPECT_EQ(why({0xff, 0xff, 0xff, 0x7f}), "frame of a site's member: it is longer than any");
  EXPECT_EQ(why({1, 0, 0, 0, 9}), "frame of a site's member: it is of a kind that is not known");
  EXPECT_EQ(why({2, 0, 0, 0, 1, 9}), "frame of a site's member: it is of another version");
  EXPECT_EQ(why({3, 0, 0, 0, 3, 5, 1}), "frame of a site's member: the document is cut off");
  EXPECT_EQ(why({0, 0, 0, 0}), "frame of a site's member: it is of a kind that is not known");
}

TEST(SiteFrame, MembersAreASet) {
  EXPECT_EQ(site_members({"a", "b"}), site_members({"b", "a"}));
  EXPECT_NE(site_members({"a", "b"}), site_members({"a", "b", "c"}));
  EXPECT_NE(site_members({"ab", "c"}), site_members({"a", "bc"}));
}

}  // namespace
}  // namespace selvedge::engine
