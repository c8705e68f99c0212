// The power of the cloud is cut at any of its writes, links come and go, reports come late: nothing runs on two nodes at
// once, and when it is quiet what is wished runs and holds its rooms, no more.

#include <random>

#include "cloud/jobs_fixture.h"

namespace selvedge::cloud {
namespace {

// Nodes have their own copy of what is wished: what the cloud has on disk when they ask. What they say is heard when they
// tell, which may be long after.
class JobsAndCuts : public JobsTest, public testing::WithParamInterface<unsigned> {
 protected:
  struct Runs {
    std::uint64_t generation = 0;
    bool may_go_on = true;                         // without the cloud
  };
  struct Site {
    std::map<std::string, Runs> wishes, tasks;
    std::set<std::string> said;                    // in the cloud's copy of its twin
    std::int64_t revision = 0;
    base::Instant silent_since{};
  };
  unsigned upto(unsigned n) { return static_cast<unsigned>(random() % n); }

  void hear(const std::string& name) {
    const auto on_disk = std::make_shared<bool>(false);
    twins->commit([on_disk] { *on_disk = true; });
    sim.run_until([&] { return *on_disk || !machine.alive(); }, 10s);
    const engine::Twin* const twin = machine.alive() && *on_disk ? twins->find(name + ":_node") : nullptr;
    if (twin == nullptr) return;
    Site& site = sites[name];
    site.wishes.clear();
    for (const model::Task& task : read_wishes(*twin).tasks)
      site.wishes[task.name] = {task.generation, task.disconnect.policy == model::TaskDisconnect::Policy::keep};
    site.revision = static_cast<std::int64_t>(read_revision(*twin));
    site.tasks = site.wishes;
  }
  void tell(const std::string& name) {
    Site& site = sites[name];
    std::string json;
    for (const std::string& task : site.said)
      if (!site.tasks.contains(task)) json += ",\"" + task + "\":null";
    site.said.clear();
    for (const auto& [task, runs] : site.tasks) {
      json += ",\"" + task + R"(":{"state":"running","run":1,"generation":)" + std::to_string(runs.generation) + "}";
      site.said.insert(task);
    }
    base::ignore(twins->edit(name + ":_node", {Kind::merge, "", R"({"features":{"tasks":{"properties":{"_heard":)" +
                                                                    std::to_string(site.revision) + json + "}}}}"}),
                 "the machine may be off");
    twins->commit([] {});
  }
  // A report that was lost with the cloud's power is sent again: what was not acknowledged is.
  void remember_what_was_said(const std::string& name) {
    const engine::Twin* const twin = twins->find(name + ":_node");
    if (twin == nullptr) return;
    for (const std::string& task : reported_tasks(*twin)) sites[name].said.insert(task);
  }

  void check() {
    std::map<std::string, std::string> at;
    for (auto& [name, site] : sites)
      for (const auto& [task, runs] : site.tasks) {
        const bool stopped = !nodes[name].connected && !runs.may_go_on && sim.now() - site.silent_since >= 10s;
        if (stopped) continue;
        ASSERT_TRUE(at[task].empty()) << task << " runs on " << at[task] << " and on " << name;
        at[task] = name;
      }
  }
  void some_time() {
    for (auto& [name, node] : nodes) {
      sim.run_for(std::chrono::milliseconds(upto(400)));
      if (!machine.alive()) return;
      if (!node.connected) continue;
      if (upto(2) == 0) hear(name);
      if (machine.alive() && upto(2) == 0) tell(name);
      check();
    }
  }
  void put(const std::string& name) {
    net::http::Client client(desk, {}, nullptr);
    const std::string policy = upto(2) == 0 ? "replace" : "keep";
    const std::string document = job(static_cast<int>(upto(5)), upto(2) == 0 ? "./a" : "./b", upto(3) == 0 ? R"(,"gang":true)" : "", name,
                                     R"(,"disconnect":{"policy":")" + policy + R"(","after":"10s"})");
    client.fetch({upto(6) == 0 ? "DELETE" : "PUT", "http://cloud:80/api/v1/jobs/" + name, {}, document}, [](auto) {});
    sim.run_for(std::chrono::milliseconds(upto(300)));
  }
  void come_back() {
    restart();
    for (auto& [name, site] : sites) {
      remember_what_was_said(name);
      if (nodes[name].connected) site.silent_since = sim.now();
    }
  }

  std::mt19937 random{GetParam()};
  std::map<std::string, Site> sites;
};

TEST_P(JobsAndCuts, NeverRunATaskTwice) {
  open();
  for (const std::string name : {"a", "b", "c", "d"}) {
    add_node(name, 1000);
    sites[name];
  }
  sim.run_for(1s);
  for (int i = 0; i < 120 && !HasFailure(); ++i) {
    const std::string name(1, static_cast<char>('a' + upto(4)));
    if (upto(2) == 0) machine.crash_at_write(1 + upto(12));
    switch (upto(9)) {
      case 0: case 1: put(upto(2) == 0 ? "web" : "api"); break;
      case 2:
        if (nodes[name].connected) {
          sites[name].silent_since = sim.now();
          cut(name);
        }
        break;
      case 3: case 4: if (!nodes[name].connected) mend(name); break;
      case 5: edit(name, "/attributes/scheduling", R"("draining")", Kind::put); break;
      case 6: edit(name, "/attributes/scheduling", R"("ready")", Kind::put); break;
      case 7: sim.run_for(std::chrono::seconds(upto(40))); break;
      default: break;
    }
    for (unsigned turn = upto(6); turn > 0 && machine.alive(); --turn) some_time();
    check();
    machine.crash_at_write(0);
    if (!machine.alive() || upto(12) == 0) come_back();
  }
  if (HasFailure()) return;
  for (auto& [name, node] : nodes) {
    edit(name, "/attributes/scheduling", R"("ready")", Kind::put);
    if (!node.connected) mend(name);
  }
  submit(job(4));
  submit(job(4, "./a", {}, "api"), "api");
  for (int i = 0; i < 200; ++i) some_time();
  EXPECT_EQ(get("/api/v1/jobs/web")["running"].integer(), 4) << get("/api/v1/jobs/web").print();
  EXPECT_EQ(get("/api/v1/jobs/api")["running"].integer(), 4) << get("/api/v1/jobs/api").print();
  EXPECT_THAT(metrics->text(), testing::HasSubstr("selvedge_placement_rooms 8\n"));
  EXPECT_THAT(metrics->text(), testing::HasSubstr("selvedge_jobs_leaving 0\n"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, JobsAndCuts, testing::Range(1U, 13U));

}  // namespace
}  // namespace selvedge::cloud
