#include "engine/site/beat.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

SiteBeat everything() {
  SiteBeat beat{.node = "n1", .incarnation = 7, .sequence = 300, .load = 512, .heard = {}, .tasks = {}, .votes = {}, .wanted = {}};
  beat.heard = {{"n2", 1, 2}, {"n3", 4, 1ULL << 60}};
  beat.tasks = {{"a.b.0", 3, 1, std::chrono::milliseconds(200)}};
  beat.votes = {{{"a.b.0", 3, 1, {}}, "n1", ""}, {{"c", 1, 9, {}}, "n2", "n3"}};
  beat.wanted = {{"d", 2, 0, {}}};
  return beat;
}

TEST(SiteBeat, ComesBackAsItWent) {
  for (const SiteBeat& beat : {everything(), SiteBeat{}}) {
    base::Bytes bytes;
    encode_site_beat(beat, bytes);
    const auto read = decode_site_beat(bytes);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, beat);
  }
}

TEST(SiteBeat, DamageIsRefused) {
  base::Bytes bytes;
  encode_site_beat(everything(), bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    base::Bytes bad = bytes;
    bad[i] ^= 1;
    EXPECT_EQ(decode_site_beat(bad).error().code, base::Code::corrupt);
    EXPECT_FALSE(decode_site_beat(base::BytesView(bytes).first(i)));
  }
}

TEST(SiteBeat, SaysNoMoreThanItMay) {
  SiteBeat beat = everything();
  beat.tasks.resize(SiteLimits::tasks + 1);
  base::Bytes bytes;
  encode_site_beat(beat, bytes);
  EXPECT_EQ(decode_site_beat(bytes).error().message, "beat of a site's node: it says more than any does");
}

}  // namespace
}  // namespace selvedge::engine
