#include "cloud/jobs_fixture.h"

namespace selvedge::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class JobsApi : public JobsTest {
 protected:
  JobsApi() { open(); }
};

TEST_F(JobsApi, LetsViewersSeeAndOperatorsChange) {
  add_node("a");
  EXPECT_EQ(ask("PUT", "/api/v1/jobs/web", job(1), "viewer").status, 403);
  EXPECT_EQ(ask("PUT", "/api/v1/jobs/web", job(1), "nobody").status, 403);
  EXPECT_EQ(ask("GET", "/api/v1/jobs", {}, "nobody").status, 403);
  EXPECT_EQ(ask("PUT", "/api/v1/jobs/web", job(1)).status, 200);
  for (const char* path : {"/api/v1/jobs", "/api/v1/jobs/web", "/api/v1/jobs/web/explain", "/api/v1/tasks"})
    EXPECT_EQ(ask("GET", path, {}, "viewer").status, 200) << path;
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web", {}, "viewer").status, 403);
  EXPECT_EQ(ask("POST", "/api/v1/nodes/a/drain", {}, "viewer").status, 403);
  EXPECT_EQ(ask("POST", "/api/v1/nodes/a/drain").status, 200);
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web").status, 204);
  EXPECT_THAT(audited, ElementsAre("operator:alice job.submit web", "operator:alice node.schedule a", "operator:alice job.stop web"));
}

TEST_F(JobsApi, SaysWhatIsWrongWithADocument) {
  EXPECT_EQ(ask("PUT", "/api/v1/jobs/web", "{").status, 400);
  auto answer = ask("PUT", "/api/v1/jobs/web", job(1, "./serve", R"(,"cuont":2)"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("groups[0].cuont"));
  answer = ask("PUT", "/api/v1/jobs/other", job(1));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("the document says 'web'"));
  answer = ask("PUT", "/api/v1/jobs/web", job(1, "./serve", {}, "web", R"(,"environment":{"A":")" + std::string(20'000, 'x') + R"("})"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("groups[0].task: it does not fit into a node's twin"));
  EXPECT_EQ(get("/api/v1/jobs").array().size(), 0U);
  EXPECT_TRUE(audited.empty());
}

TEST_F(JobsApi, PlansWithoutDoing) {
  add_node("a");
  const auto plan = codec::json::parse(ask("PUT", "/api/v1/jobs/web?plan=true", job(3)).body).value();
  EXPECT_TRUE(plan["new"].boolean());
  const auto& group = plan["groups"].array().at(0);
  EXPECT_EQ(group["start"].integer(), 3);
  EXPECT_EQ(group["fit"].integer(), 2);
  EXPECT_THAT(group["reason"].text(), HasSubstr("1 nodes"));
  EXPECT_EQ(ask("GET", "/api/v1/jobs/web").status, 404);
  submit(job(2));
  turns();
  const auto next = codec::json::parse(ask("PUT", "/api/v1/jobs/web?plan=true", job(1, "./other")).body).value();
  EXPECT_EQ(next["generation"].integer(), 2);
  EXPECT_EQ(next["groups"].array().at(0)["change"].text(), "changed");
  EXPECT_EQ(next["groups"].array().at(0)["replace"].integer(), 1);
  EXPECT_EQ(next["groups"].array().at(0)["stop"].integer(), 1);
  EXPECT_EQ(get("/api/v1/jobs/web")["generation"].integer(), 1);
}

TEST_F(JobsApi, StopsAndForgets) {
  add_node("a");
  submit(job(2));
  turns();
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web?forget=true").status, 409) << "it runs";
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web").status, 204);
  turns();
  EXPECT_EQ(get("/api/v1/jobs/web")["state"].text(), "stopped");
  EXPECT_TRUE(nodes["a"].tasks.empty());
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web?forget=true").status, 204);
  EXPECT_EQ(ask("GET", "/api/v1/jobs/web").status, 404);
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web").status, 404);
  restart();
  EXPECT_EQ(get("/api/v1/jobs").array().size(), 0U);
}

TEST_F(JobsApi, ListsTasksOfANode) {
  add_node("a");
  add_node("b");
  submit(job(3));
  turns();
  std::size_t all = 0;
  for (const char* node : {"a", "b"}) {
    const auto tasks = get(std::string("/api/v1/tasks?node=") + node);
    for (const auto& task : tasks.array()) {
      EXPECT_EQ(task["node"].text(), node);
      EXPECT_EQ(task["task_state"].text(), "running");
      ++all;
    }
  }
  EXPECT_EQ(all, 3U);
  EXPECT_EQ(get("/api/v1/tasks?job=none").array().size(), 0U);
}

TEST_F(JobsApi, KnowsNoSuchNodeWordOrGroup) {
  EXPECT_EQ(ask("POST", "/api/v1/nodes/none/drain").status, 404);
  add_node("a");
  submit(job(1));
  EXPECT_EQ(ask("GET", "/api/v1/jobs/web/explain?group=none").status, 404);
  EXPECT_EQ(ask("GET", "/api/v1/jobs/web/explain?nodes=-1").status, 400);
  EXPECT_EQ(ask("GET", "/api/v1/jobs/web/other").status, 404);
}

}  // namespace
}  // namespace selvedge::cloud
