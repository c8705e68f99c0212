// Whatever happens to a fleet, no task runs twice at once, and when it is quiet what is wished is what runs.

#include <random>

#include "engine/jobs/job_fleet_fixture.h"

namespace selvedge::engine {
namespace {

class JobsAtRandom : public testing::TestWithParam<unsigned> {};

TEST_P(JobsAtRandom, NothingRunsTwiceAndAllComesTrue) {
  std::mt19937 random(GetParam());
  const auto upto = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  FleetForTest fleet(5, 6);
  fleet.broken.insert("bad");
  auto job = job_for_test(4, "a");
  const auto other = [&] {
    job.name = upto(2) == 0 ? "web" : "api";
    job.groups[0].count = upto(8);
    job.groups[0].gang = upto(4) == 0;
    job.groups[0].task.command = {std::array{"a", "b", "c", "bad"}[upto(4)]};
    job.groups[0].task.resources.cpu = 100 * (1 + upto(2));
    job.groups[0].task.disconnect.policy = std::array{model::TaskDisconnect::Policy::keep, model::TaskDisconnect::Policy::replace}[upto(2)];
    job.groups[0].task.disconnect.after = std::chrono::seconds(10);
    job.update.parallel = 1 + upto(3);
  };
  for (int i = 0; i < 400; ++i) {
    const std::string node = "n" + std::to_string(upto(5));
    switch (upto(14)) {
      case 0: other(); ASSERT_TRUE(fleet.give(JobWished{job})); break;
      case 1: base::ignore(fleet.give(JobStopped{upto(2) == 0 ? "web" : "api"}), "there may be none"); break;
      case 2: if (fleet.nodes[node].connected && !fleet.nodes[node].draining) fleet.cut(node); break;
      case 3: case 4: case 5:
        fleet.nodes[node].draining = false;
        fleet.mend(node);
        break;
      case 6: if (fleet.nodes[node].connected) fleet.drain(node); break;
      case 7: fleet.restart(); break;
      case 8: base::ignore(fleet.give(MemberDisplaced{{"web", "front", upto(4)}, "room"}), "cannot fail"); break;
      case 10: case 11: fleet.nodes[node].mute = !fleet.nodes[node].mute; break;
      case 9: base::ignore(fleet.give(RoomAppeared{}), "cannot fail"); break;
      default: break;
    }
    fleet.settle();
    fleet.turns(static_cast<int>(upto(6)));
    ASSERT_LE(fleet.most_at_once, 1U) << "step " << i;
    for (const auto& [name, members] : fleet.rooms) ASSERT_LE(members.size(), 6U) << name;
  }
  for (auto& [name, node] : fleet.nodes) {
    node.draining = node.mute = false;
    fleet.mend(name);
  }
  job.groups[0].task.command = {"a"};
  for (const char* name : {"web", "api"}) {
    job.name = name;
    job.groups[0].count = 7;
    ASSERT_TRUE(fleet.give(JobWished{job}));
  }
  fleet.turns(200);
  EXPECT_EQ(fleet.running("a"), 14U) << fleet.describe();
  EXPECT_EQ(fleet.most_at_once, 1U);
  std::size_t held = 0;
  for (const auto& [name, members] : fleet.rooms) held += members.size();
  EXPECT_EQ(held, 14U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, JobsAtRandom, testing::Range(1U, 13U));

}  // namespace
}  // namespace selvedge::engine
