// A store whose blocks nobody here can read.

#include "codec/series/sealed.h"
#include "store/store_fixture.h"

namespace selvedge::store {
namespace {

using base::Code;

class SealedStoreTest : public StoreTest {
 protected:
  StoreLimits limits() {
    StoreLimits all;
    all.seal_frame = [this](std::string_view name, base::BytesView frame,
                            base::Time) -> base::Result<base::Bytes> {
      if (!can_seal) return base::fail(Code::internal, "no key");
      named = name;
      base::Bytes out;
      TRY(codec::put_sealed_frame(codec::sealed_header(TRY(codec::read_summary(frame))),
                                  base::to_bytes("closed"), out));
      return out;
    };
    return all;
  }
  // Summaries of the blocks that overlap a range.
  std::vector<model::BlockSummary> blocks(model::SeriesId id, std::int64_t from, std::int64_t to) {
    std::vector<model::BlockSummary> found;
    EXPECT_TRUE(store->visit(
        id, {from}, {to},
        [&](const model::BlockSummary& summary, base::BytesView) {
          found.push_back(summary);
          return true;
        },
        [&](const codec::Columns&) { return true; }));
    return found;
  }

  bool can_seal = true;
  std::string named;
};

TEST_F(SealedStoreTest, FindsBlocksByTimeAlsoAfterAPowerCut) {
  open(limits());
  const auto a = series("boiler/temp");
  for (int i = 0; i < 3; ++i) {
    add(a, start + i * 10 * second, i);
    seal();
  }
  EXPECT_EQ(named, "boiler/temp");
  for (const bool again : {false, true}) {
    if (again) {
      power_cut();
      open(limits());
    }
    const auto found = blocks(a, start + 5 * second, start + 15 * second);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(codec::is_sealed(found[0]));
    EXPECT_EQ(found[0].first_time.ns, start + 10 * second);
    EXPECT_EQ(undelivered(), (std::vector<std::uint64_t>{1, 2, 3}));
  }
}

TEST_F(SealedStoreTest, WhatCannotBeSealedStaysOpenAndIsNotLost) {
  open(limits());
  can_seal = false;
  const auto a = series("a");
  add(a, start, 1.5);
  store->seal_all();
  ASSERT_TRUE(commit());
  EXPECT_EQ(store->stats().blocks_sealed, 0U);
  EXPECT_EQ(readings(a).size(), 1U);
  can_seal = true;
  seal();
  EXPECT_EQ(blocks(a, INT64_MIN, INT64_MAX).size(), 1U);
}

}  // namespace
}  // namespace selvedge::store
