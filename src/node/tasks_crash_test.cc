// The node's program is killed, or the machine loses power, at every change of its disk: a task never runs twice at a
// time, a job that ended well never again, and what is wished runs in the end.

#include "node/tasks_fixture.h"

namespace selvedge::node {
namespace {

using namespace std::chrono_literals;

class TaskCrashTest : public TaskNodeTest, public testing::WithParamInterface<os::fake::Crash::Disk> {};

TEST_P(TaskCrashTest, NeverTwiceAndInTheEndAsWished) {
  int jobs_done = 0;
  std::size_t most = 0;
  const auto script = [&](Process& p) {
    std::size_t same = 1;
    for (const Process* other : programs().running())
      if (other != &p && other->options().group == p.options().group) ++same;
    most = std::max(most, same);
  };
  programs().program("/bin/one", script);
  programs().program("/bin/two", script);
  programs().program("/bin/job", [&](Process& p) {
    script(p);
    p.after(200ms, [&] {
      ++jobs_done;
      p.exit(0);
    });
  });
  start();
  wish("j", R"({"command":["/bin/job"],"mode":"job","generation":1})");
  until_said("j/state", "\"done\"");
  jobs_done = 0;
  int generation = 1;
  for (std::uint64_t write = 1; write <= 60; write += 1 + write / 12) {
    const std::string with = R"("],"generation":)" + std::to_string(++generation) + "}";
    const auto put = [&](const std::string& name, const std::string& json) {
      base::ignore(node->twins().edit(twin, {engine::TwinEdit::Kind::put, "/features/tasks/desiredProperties/" + name, json}),
                   "the machine may be down");
      node->twins().commit([] {});
    };
    machine.crash_at_write(write, {GetParam()});
    put("s", (generation % 2 != 0 ? R"({"command":["/bin/one)" : R"({"command":["/bin/two)") + with);
    sim.run_for(3s);
    if (machine.alive()) machine.crash({GetParam()});
    devices.clear();
    node.reset();
    machine.restart();
    start();
    put("s", (generation % 2 != 0 ? R"({"command":["/bin/one)" : R"({"command":["/bin/two)") + with);
    // What the twin says may be of before the crash.
    const char* const wanted = generation % 2 != 0 ? "/bin/one" : "/bin/two";
    ASSERT_TRUE(sim.run_until([&] { return running(wanted) == 1; }, 10min)) << "crash at write " << write << ": " << said("s/reason");
    until_said("s/generation", std::to_string(generation));
    until_said("s/state", "\"running\"");
    sim.run_for(1s);
    ASSERT_EQ(running("/bin/one") + running("/bin/two"), 1u) << "crash at write " << write;
    ASSERT_EQ(most, 1u) << "crash at write " << write;
    ASSERT_EQ(jobs_done, 0) << "a job that is done ran again";
  }
}

INSTANTIATE_TEST_SUITE_P(Disks, TaskCrashTest,
                         testing::Values(os::fake::Crash::Disk::power_cut, os::fake::Crash::Disk::keeps_written));

}  // namespace
}  // namespace selvedge::node
