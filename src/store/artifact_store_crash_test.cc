// A fetch into the store with the power cut at every change of the disk, one after the other.

#include "store/artifact_fixture.h"

namespace selvedge::store {
namespace {

using test::ArtifactMachine;
using test::Sample;

TEST(ArtifactStoreCrash, LosesNothingDurableAndKeepsNothingWrongAtAnyWrite) {
  const Sample old(1, 200'000, "a", 1), fresh(2, 300'000, "a", 2);
  bool crashed = true;
  for (std::uint64_t n = 1; crashed; ++n) {
    ASSERT_LT(n, 200u);
    SCOPED_TRACE("power cut at write " + std::to_string(n));
    ArtifactMachine m(n);
    m.open({.budget_bytes = 450'000, .keep_free_bytes = 0});
    ASSERT_TRUE(m.put(old));
    m.release(old);
    m.sim.run_for(std::chrono::seconds(1));
    m.machine.crash_at_write(n);
    const bool done = [&] {
      const auto begun = m.begin(fresh);
      if (!begun || !m.store) return false;
      for (std::size_t at = 0; at < fresh.bytes.size(); at += 50'000)
        if (!m.store || !m.write(begun->writer, base::BytesView(fresh.bytes).subspan(at, 50'000))) return false;
      return m.store && m.publish(begun->writer).has_value();
    }();
    crashed = !m.machine.alive();
    m.machine.crash_at_write(0);
    if (!crashed) {
      ASSERT_TRUE(done);
      m.store.reset();
      m.machine.crash();
    }
    m.machine.restart();
    m.sim.run_for(std::chrono::seconds(1));
    m.open(m.limits);
    // What was said to be done is done; what is listed as whole is whole; the rest can be made.
    if (done) {
      EXPECT_TRUE(m.whole(fresh));
      EXPECT_EQ(m.store->newest("a"), 2u);
    }
    if (m.whole(old)) {
      EXPECT_EQ(m.read(old).value(), old.bytes);
    }
    if (!m.whole(fresh)) {
      const auto put = m.put(fresh);
      EXPECT_TRUE(put) << put.error().message;
    }
    EXPECT_EQ(m.read(fresh).value(), fresh.bytes);
    EXPECT_LE(m.store->stats().used_bytes, 450'000u);
    m.sim.run_for(std::chrono::seconds(1));
    EXPECT_LE(m.machine.disk().used(), 460'000u);
  }
}

}  // namespace
}  // namespace selvedge::store
