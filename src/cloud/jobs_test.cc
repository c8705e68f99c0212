#include "cloud/jobs_fixture.h"

namespace selvedge::cloud {
namespace {

using testing::HasSubstr;

TEST_F(JobsTest, AreWishedForInTwinsAndRun) {
  open();
  add_node("a");
  add_node("b");
  submit(job(3));
  turns();
  const auto status = get("/api/v1/jobs/web");
  EXPECT_EQ(status["running"].integer(), 3) << ask("GET", "/api/v1/jobs/web").body;
  EXPECT_EQ(status["wanted"].integer(), 3);
  EXPECT_EQ(status["generation"].integer(), 1);
  std::size_t wished = 0;
  for (const std::string node : {"a", "b"})
    for (const std::string task : {"web.front.0", "web.front.1", "web.front.2"}) {
      const std::string wish_json = wish(node, task);
      if (wish_json.empty()) continue;
      ++wished;
      EXPECT_EQ(codec::task::parse_task(task, wish_json).value().resources.cpu, 500);
    }
  EXPECT_EQ(wished, 3U);
  EXPECT_THAT(metrics->text(), HasSubstr("selvedge_jobs_members{state=\"running\"} 3"));
}

TEST_F(JobsTest, BecomeWellAfterTheirTime) {
  open();
  add_node("a");
  submit(job(1));
  turns(6);
  EXPECT_EQ(get("/api/v1/jobs/web")["state"].text(), "well");
}

TEST_F(JobsTest, WaitForRoomAndSayWhy) {
  open();
  add_node("a");
  submit(job(3));
  turns();
  auto status = get("/api/v1/jobs/web");
  EXPECT_EQ(status["running"].integer(), 2);
  EXPECT_EQ(status["unplaced"].integer(), 1);
  const auto why = get("/api/v1/jobs/web/explain");
  EXPECT_EQ(why.array().at(0)["unplaced"].integer(), 1);
  EXPECT_THAT(why.array().at(0)["summary"].text(), HasSubstr("too little cpu"));
  EXPECT_THAT(why.array().at(0)["closest"].array().at(0)["why"].text(), HasSubstr("500 thousandths of cpu"));
  add_node("b");
  turns();
  EXPECT_EQ(get("/api/v1/jobs/web")["running"].integer(), 3);
}

TEST_F(JobsTest, GoOnAfterARestartInTheMiddleOfAChange) {
  open();
  for (const std::string node : {"a", "b", "c"}) add_node(node);
  submit(job(4));
  turns(6);
  ASSERT_EQ(get("/api/v1/jobs/web")["state"].text(), "well");
  submit(job(4, "./other"));
  turns(2);
  EXPECT_EQ(get("/api/v1/jobs/web")["state"].text(), "rolling-out");
  restart();
  turns(20);
  const auto status = get("/api/v1/jobs/web");
  EXPECT_EQ(status["state"].text(), "well");
  EXPECT_EQ(status["running"].integer(), 4);
  for (const auto& member : status["members"].array()) EXPECT_EQ(member["generation"].integer(), 2);
  for (const auto& [task, count] : starts) EXPECT_EQ(count, 2) << task << " was started once for each generation";
}

TEST_F(JobsTest, AreLeftAloneByARestart) {
  open();
  add_node("a");
  add_node("b");
  submit(job(4));
  turns(6);
  const auto before = where();
  restart();
  turns(6);
  EXPECT_EQ(where(), before);
  for (const auto& [task, count] : starts) EXPECT_EQ(count, 1) << task;
  submit(job(5));
  turns();
  EXPECT_EQ(get("/api/v1/jobs/web")["unplaced"].integer(), 1) << "what was found still holds its room";
}

TEST_F(JobsTest, GoBackToWhatWasWell) {
  open();
  add_node("a", 4000);
  submit(job(2));
  turns(8);
  broken = "./bad";
  submit(job(2, "./bad"));
  turns(20);
  const auto status = get("/api/v1/jobs/web");
  EXPECT_EQ(status["state"].text(), "well");
  EXPECT_TRUE(status["rolled_back"].boolean());
  EXPECT_THAT(status["reason"].text(), HasSubstr("exit status 1"));
  EXPECT_EQ(status["job"]["groups"].array().at(0)["task"]["command"].array().at(0).text(), "./serve");
}

TEST_F(JobsTest, AreReplacedWhenTheirNodeIsLostIfTheirPolicySaysSo) {
  open();
  add_node("a", 500);
  submit(job(1, "./serve", {}, "web", R"(,"disconnect":{"policy":"replace","after":"30s"})"));
  submit(job(1, "./serve", {}, "kept"), "kept");
  turns();
  ASSERT_EQ(where()["web.front.0"], "running a");
  add_node("b", 500);
  turns();
  ASSERT_EQ(where("kept")["kept.front.0"], "running b");
  cut("a");
  cut("b");
  add_node("c", 2000);
  turns(50);
  EXPECT_EQ(where()["web.front.0"], "lost a") << "30 s, and 30 s of margin";
  turns(20);
  EXPECT_EQ(where()["web.front.0"], "running c");
  EXPECT_EQ(where("kept")["kept.front.0"], "lost b") << "what is kept is not replaced";
  mend("a");
  turns();
  EXPECT_EQ(where()["web.front.0"], "running c");
  EXPECT_EQ(wish("a", "web.front.0"), "");
  EXPECT_TRUE(nodes["a"].tasks.empty());
}

TEST_F(JobsTest, LeaveANodeThatIsDrained) {
  open();
  add_node("a");
  submit(job(2));
  turns();
  ASSERT_EQ(ask("POST", "/api/v1/nodes/a/drain").status, 200);
  turns();
  EXPECT_EQ(where()["web.front.0"], "running a") << "until there is room elsewhere";
  add_node("b");
  turns(6);
  EXPECT_EQ(where()["web.front.0"], "running b");
  EXPECT_EQ(where()["web.front.1"], "running b");
  EXPECT_TRUE(nodes["a"].tasks.empty());
  submit(job(3));
  turns();
  EXPECT_EQ(get("/api/v1/jobs/web")["unplaced"].integer(), 1);
  ASSERT_EQ(ask("POST", "/api/v1/nodes/a/ready").status, 200);
  turns();
  EXPECT_EQ(where()["web.front.2"], "running a");
  ASSERT_EQ(ask("POST", "/api/v1/nodes/a/cordon").status, 200);
  submit(job(4));
  turns();
  EXPECT_EQ(where()["web.front.2"], "running a") << "a cordoned node keeps what it has";
  EXPECT_EQ(get("/api/v1/jobs/web")["unplaced"].integer(), 1);
}

TEST_F(JobsTest, AreReplacedAtOnceWhenAnOperatorSaysThatTheirNodeIsGone) {
  open();
  add_node("a");
  submit(job(1));
  turns();
  cut("a");
  add_node("b");
  turns();
  ASSERT_EQ(where()["web.front.0"], "lost a");
  ASSERT_EQ(ask("POST", "/api/v1/nodes/a/gone").status, 200);
  turns();
  EXPECT_EQ(where()["web.front.0"], "running b");
}

TEST_F(JobsTest, DoNotRunElsewhereUntilTheirNodeSaysThatTheyHaveGone) {
  open();
  add_node("a");
  submit(job(1));
  turns();
  stubborn = true;
  add_node("b");
  ASSERT_EQ(ask("POST", "/api/v1/nodes/a/drain").status, 200);
  turns();
  EXPECT_EQ(where()["web.front.0"], "leaving a");
  EXPECT_EQ(wish("b", "web.front.0"), "");
  restart();
  turns();
  EXPECT_EQ(where()["web.front.0"], "leaving a") << "a restart does not forget what was leaving";
  EXPECT_EQ(wish("b", "web.front.0"), "");
  stubborn = false;
  turns();
  EXPECT_EQ(where()["web.front.0"], "running b");
}

TEST_F(JobsTest, AskTheNodeAlsoForWhatItNeverReported) {
  open();
  add_node("a");
  turns(1);
  cut("a");                                        // it may have heard of the wish that follows, or not
  mend("a");
  nodes["a"].connected = false;                    // the cloud thinks that it is there, and it says nothing
  submit(job(1));
  sim.run_for(2s);
  ASSERT_NE(wish("a", "web.front.0"), "");
  ASSERT_EQ(ask("DELETE", "/api/v1/jobs/web").status, 204);
  sim.run_for(2s);
  EXPECT_EQ(wish("a", "web.front.0"), "");
  restart();
  sim.run_for(2s);
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web?forget=true").status, 409) << "nothing has said that it does not run";
  nodes["a"].connected = true;
  jobs->node_connected("a");
  turns();
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web?forget=true").status, 204);
}

TEST_F(JobsTest, WaitForANodeAlsoWhenItsTwinWasRemoved) {
  open();
  add_node("a");
  add_node("b", 100);
  submit(job(1));
  turns();
  ASSERT_EQ(where()["web.front.0"], "running a");
  stubborn = true;
  edit("b", "/features/node/properties/resources/cpu", "1000", Kind::put);
  ASSERT_EQ(ask("POST", "/api/v1/nodes/a/drain").status, 200);
  turns();
  ASSERT_EQ(where()["web.front.0"], "leaving a");
  for (const bool cut_too : {false, true}) {
    nodes["a"].connected = false;
    ASSERT_TRUE(twins->remove("a:_node"));
    bool on_disk = false;
    twins->commit([&] { on_disk = true; });
    if (!cut_too) sim.run_for(2s);
    else while (!on_disk) sim.run_for(1ms);
    restart();
    turns(5);
    EXPECT_EQ(wish("b", "web.front.0"), "") << "a may run it";
    nodes["a"].connected = true;
    jobs->node_connected("a");
    turns(5);
    EXPECT_EQ(wish("b", "web.front.0"), "") << "a runs it";
  }
  stubborn = false;
  turns(5);
  EXPECT_THAT(where()["web.front.0"], testing::StartsWith("running ")) << "on either: who removed the twin called the drain off";
}

TEST_F(JobsTest, GoElsewhereWhenATwinIsFull) {
  settings.twin_bytes = 5'000;
  open();
  add_node("a", 100'000, std::int64_t{64} << 30);
  submit(job(12));
  turns(4);
  const auto running = get("/api/v1/jobs/web")["running"].integer();
  EXPECT_GT(running, 0);
  EXPECT_LT(running, 12);
  const auto status = get("/api/v1/jobs/web");
  for (const auto& member : status["members"].array()) {
    if (member["state"].text() != "unplaced") continue;
    EXPECT_THAT(member["reason"].text(), HasSubstr("1 nodes"));
  }
  add_node("b", 100'000, std::int64_t{64} << 30);
  turns(10);
  EXPECT_GT(get("/api/v1/jobs/web")["running"].integer(), running);
}

TEST_F(JobsTest, MoreThanAHundredGoToANodeThatHasRoomForThem) {
  open();
  add_node("a", 100'000, std::int64_t{64} << 30);
  submit(job(110));
  turns(20);
  EXPECT_EQ(get("/api/v1/jobs/web")["running"].integer(), 110);
}

TEST_F(JobsTest, OfHigherPriorityDisplaceOthers) {
  open();
  add_node("a");
  submit(job(2, "./serve", R"(,"priority":10)", "low"), "low");
  turns();
  submit(job(1, "./serve", R"(,"priority":90)", "high"), "high");
  turns(6);
  EXPECT_EQ(where("high")["high.front.0"], "running a");
  const auto low = get("/api/v1/jobs/low");
  EXPECT_EQ(low["running"].integer(), 1);
  EXPECT_EQ(low["unplaced"].integer(), 1);
}

TEST_F(JobsTest, OfAGangOfHigherPriorityDisplaceOthersTogether) {
  open();
  add_node("a");
  add_node("b");
  submit(job(4, "./serve", R"(,"priority":10)", "low"), "low");
  turns();
  ASSERT_EQ(get("/api/v1/jobs/low")["running"].integer(), 4);
  submit(job(3, "./serve", R"(,"priority":90,"gang":true)", "high"), "high");
  turns(8);
  EXPECT_EQ(get("/api/v1/jobs/high")["running"].integer(), 3);
  EXPECT_EQ(get("/api/v1/jobs/low")["running"].integer(), 1) << "no more had to go";
  submit(job(5, "./serve", R"(,"priority":95,"gang":true)", "larger"), "larger");
  turns(8);
  EXPECT_EQ(get("/api/v1/jobs/high")["running"].integer(), 3) << "who cannot be placed displaces nobody";
}

TEST_F(JobsTest, ShareWhatThereIsBetweenTenants) {
  settings.places.tenants["paying"] = {.weight = 2, .most = {}, .tasks = 0};
  open();
  const auto of = [&](const std::string& name, const std::string& tenant) {
    std::string document = job(12, "./serve", {}, name);
    document.insert(1, R"("tenant":")" + tenant + "\",");
    submit(document, name);
  };
  of("first", "early");
  of("second", "late");
  of("third", "paying");
  turns(2);
  add_node("a", 4000);
  turns(2);
  EXPECT_EQ(get("/api/v1/jobs/first")["running"].integer(), 2);
  EXPECT_EQ(get("/api/v1/jobs/second")["running"].integer(), 2);
  EXPECT_EQ(get("/api/v1/jobs/third")["running"].integer(), 4);
}

TEST_F(JobsTest, ArePlacedByARuleThatSuitsWhatIsAskedFor) {
  settings.places.rule = engine::PlacementRule::worst_fit;
  settings.places.pick_rule = true;
  open();
  for (int i = 0; i < 40; ++i) add_node("n" + std::to_string(i), 1000);
  // Small ones fill all nodes a little, and large ones find none: whoever spreads loses.
  submit(R"({"name":"small","groups":[{"name":"s","count":200,"task":{"command":["./s"],"resources":{"cpu":0.1}}},)"
         R"({"name":"l","count":100,"task":{"command":["./l"],"resources":{"cpu":0.9}}}]})", "small");
  sim.run_for(30s);
  const std::string text = metrics->text();
  EXPECT_THAT(text, HasSubstr("selvedge_placement_rule{rule=\"worst-fit\"} 0"));
}

TEST_F(JobsTest, KeepToTheQuotaOfTheirTenant) {
  settings.places.tenants["default"] = {.most = {1000, 0, 0}, .tasks = 0};
  open();
  add_node("a", 8000);
  submit(job(3));
  turns();
  const auto status = get("/api/v1/jobs/web");
  EXPECT_EQ(status["running"].integer(), 2);
  std::string reason;
  for (const auto& member : status["members"].array())
    if (member["state"].text() == "unplaced") reason = member["reason"].text();
  EXPECT_THAT(reason, HasSubstr("quota: it has 1 of 1 cores, and asks for 0.500"));
  submit(job(1));
  turns();
  submit(job(2));
  turns();
  EXPECT_EQ(get("/api/v1/jobs/web")["running"].integer(), 2) << "what ended gives it back";
}

TEST_F(JobsTest, OfAGangComeAllOrNone) {
  open();
  add_node("a");
  submit(job(3, "./serve", R"(,"gang":true)"));
  turns();
  EXPECT_EQ(get("/api/v1/jobs/web")["unplaced"].integer(), 3);
  add_node("b");
  turns();
  EXPECT_EQ(get("/api/v1/jobs/web")["running"].integer(), 3);
}

TEST_F(JobsTest, ObeyLabelsAndTaintsThatOperatorsSet) {
  open();
  add_node("a");
  add_node("b");
  edit("a", "/attributes/labels", R"({"zone":"hall-1"})", Kind::put);
  edit("b", "/attributes/taints", R"(["reserved"])", Kind::put);
  submit(job(1, "./serve", R"(,"constraints":[{"label":"zone","is":"equal","values":["hall-2"]}])"));
  turns();
  EXPECT_EQ(where()["web.front.0"], "unplaced ");
  edit("b", "/attributes/labels", R"({"zone":"hall-2"})", Kind::put);
  turns();
  EXPECT_EQ(where()["web.front.0"], "unplaced ") << "its taint keeps it off";
  edit("b", "/attributes/taints", "[]", Kind::put);
  turns();
  EXPECT_EQ(where()["web.front.0"], "running b");
}

TEST_F(JobsTest, AreSavedBeforeTheyAreWished) {
  open();
  add_node("a");
  turns(1);
  for (std::uint64_t write = 1; write < 12; ++write) {
    const std::string name = "j" + std::to_string(write);
    machine.crash_at_write(write);
    net::http::Client client(desk, {}, nullptr);
    client.fetch({"PUT", "http://cloud:80/api/v1/jobs/" + name, {}, job(1, "./serve", {}, name)}, [](auto) {});
    sim.run_for(3s);
    machine.crash_at_write(0);
    restart();
    const engine::Twin* twin = twins->find("a:_node");
    ASSERT_NE(twin, nullptr);
    const FoundWishes wishes = read_wishes(*twin);
    for (const model::Task& task : wishes.tasks)
      EXPECT_EQ(ask("GET", "/api/v1/jobs/" + task.name.substr(0, task.name.find('.'))).status, 200) << "a wish without its job, crash at write " << write;
    ask("DELETE", "/api/v1/jobs/" + name);
    turns();
  }
}

}  // namespace
}  // namespace selvedge::cloud
