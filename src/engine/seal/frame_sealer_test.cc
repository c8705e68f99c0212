#include "engine/seal/frame_sealer.h"

#include <gtest/gtest.h>

#include "codec/series/frame.h"
#include "codec/series/sealed.h"

namespace selvedge::engine {
namespace {

using namespace std::chrono_literals;
using base::Code;

class FrameSealerTest : public testing::Test {
 protected:
  base::Bytes frame_of(double first) {
    codec::Columns columns;
    for (int i = 0; i < 50; ++i) columns.push({i * 1'000'000'000L}, model::ValueView::of(first + i));
    base::Bytes frame;
    EXPECT_TRUE(codec::encode_frame(columns, frame));
    return frame;
  }
  base::Bytes sealed(FrameSealer& by, double first = 1) {
    return by.seal("boiler/temp", frame_of(first), now).value();
  }
  // What stands before the nonce's count: differs exactly when the data key does.
  static base::Bytes key_of(const base::Bytes& frame) {
    const auto opened = codec::open_sealed_frame(frame).value();
    return {opened.sealed.begin(), opened.sealed.begin() + 2 + 88};
  }

  crypto::SealKeyPair archive = crypto::make_seal_keys(), auditor = crypto::make_seal_keys(),
                      stranger = crypto::make_seal_keys();
  base::Time now{1'700'000'000'000'000'000};
  FrameSealer sealer{{.recipients = {archive.recipient, auditor.recipient}}};
};

TEST_F(FrameSealerTest, EachRecipientReadsTheFrameAsItWas) {
  const base::Bytes block = sealed(sealer);
  for (const auto& keys : {archive, auditor})
    EXPECT_EQ(unseal_frame("boiler/temp", block, keys.secret).value(), frame_of(1));
  EXPECT_EQ(unseal_frame("boiler/temp", block, stranger.secret).error().code, Code::denied);
  EXPECT_EQ(unseal_frame("boiler/pressure", block, archive.secret).error().code, Code::denied) << "moved";
  EXPECT_EQ(unseal_frame("boiler/temp", frame_of(1), archive.secret).error().code, Code::invalid_input);
}

TEST_F(FrameSealerTest, NoValueIsSeenAndEqualBlocksDiffer) {
  const base::Bytes one = sealed(sealer), two = sealed(sealer);
  EXPECT_NE(one, two);
  const base::Bytes inner = frame_of(1);
  EXPECT_EQ(std::search(one.begin(), one.end(), inner.begin() + 8, inner.end()), one.end());
}

TEST_F(FrameSealerTest, EveryChangeIsNoticedEvenWithARightChecksum) {
  const base::Bytes block = sealed(sealer);
  const auto opened = codec::open_sealed_frame(block).value();
  for (std::size_t i = 0; i < opened.sealed.size(); i += 1 + i / 30) {
    base::Bytes changed(opened.sealed.begin(), opened.sealed.end()), again;
    changed[i] ^= 1;
    ASSERT_TRUE(codec::put_sealed_frame(opened.header, changed, again));
    // A changed key of another recipient, or the id of one, is authenticated as well.
    EXPECT_FALSE(unseal_frame("boiler/temp", again, archive.secret)) << i;
    again.clear();
    ASSERT_TRUE(codec::put_sealed_frame(opened.header, opened.sealed.first(i), again));
    EXPECT_FALSE(unseal_frame("boiler/temp", again, archive.secret)) << i;
  }
  model::BlockSummary moved = opened.summary;
  moved.first_time = moved.first_time - 1s;
  base::Bytes again;
  ASSERT_TRUE(codec::put_sealed_frame(codec::sealed_header(moved), opened.sealed, again));
  EXPECT_EQ(unseal_frame("boiler/temp", again, archive.secret).error().code, Code::denied) << "another time";
}

TEST_F(FrameSealerTest, TheDataKeyChangesByCountAgeAndAClockSetBack) {
  FrameSealer few{{.recipients = {archive.recipient}, .key_age = 1h, .key_blocks = 2}};
  const base::Bytes first = sealed(few), second = sealed(few), third = sealed(few);
  EXPECT_EQ(key_of(first), key_of(second));
  EXPECT_NE(key_of(second), key_of(third));
  now = now + 1h;
  const base::Bytes aged = sealed(few);
  EXPECT_NE(key_of(aged), key_of(third));
  now = now - 2h;
  EXPECT_NE(key_of(sealed(few)), key_of(aged));
  for (const base::Bytes& old : {first, second, third, aged})
    EXPECT_TRUE(unseal_frame("boiler/temp", old, archive.secret)) << "what was sealed before stays readable";
}

TEST_F(FrameSealerTest, ARecipientThatIsNoPointIsSaid) {
  FrameSealer broken{{.recipients = {crypto::SealKey{}}}};
  EXPECT_EQ(broken.seal("s", frame_of(1), now).error().code, Code::invalid_input);
  EXPECT_FALSE(broken.seal("s", frame_of(1), now)) << "and again";
}

}  // namespace
}  // namespace selvedge::engine
