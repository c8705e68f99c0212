// Jobs of a cloud and a node that has joined it: what the node has and where it is reach the cloud, what the cloud
// wishes reaches the node.

#include "identity_fixture.h"

namespace selvedge::sim {
namespace {

constexpr const char* serve =
    R"({"name":"web","groups":[{"name":"front","count":2,"task":{"command":["./serve"],"resources":{"cpu":0.01}}}]})";

class JobsOfAFleet : public IdentityTest {
 protected:
  JobsOfAFleet() { start(); }
  net::http::Fetched ask(const std::string& method, const std::string& path, std::string body = {}) {
    net::http::Client client(operator_machine, {}, operator_machine.network().client_tls(operator_tls()).value());
    return fetch(client, {method, "https://cloud:8443" + path, {}, std::move(body)});
  }
  std::string wish(store::TwinStore& twins, const std::string& task) {
    const engine::Twin* const twin = twins.find("gate:_node");
    return twin == nullptr ? "" : twin->json("", "/features/tasks/desiredProperties/" + task).value_or("");
  }
  bool comes(const std::function<bool()>& what) { return sim.run_until(what, 1min); }
};

TEST_F(JobsOfAFleet, ReachTheNodeThatSaysWhatItHas) {
  EXPECT_EQ(ask("PUT", "/api/v1/jobs/web", serve).status, 200);
  ASSERT_TRUE(comes([&] { return !wish(node->twins(), "web.front.1").empty(); }));
  EXPECT_EQ(wish(node->twins(), "web.front.0"), wish(cloud->twins(), "web.front.0"));
  const engine::Twin* const twin = cloud->twins().find("gate:_node");
  ASSERT_NE(twin, nullptr);
  EXPECT_NE(twin->json("", "/features/node/properties/resources/cpu").value_or("0"), "0");
  EXPECT_EQ(get("/api/v1/jobs/web")["members"].array().at(0)["node"].text(), "gate");
}

TEST_F(JobsOfAFleet, LeaveANodeThatDoesNotSpeak) {
  sim.link("gate", "cloud").cut(os::fake::Cut::reset);
  sim.run_for(1min);
  EXPECT_EQ(ask("PUT", "/api/v1/jobs/web", serve).status, 200);
  sim.run_for(2s);
  EXPECT_EQ(get("/api/v1/jobs/web")["unplaced"].integer(), 2);
  sim.link("gate", "cloud").mend();
  ASSERT_TRUE(comes([&] { return !wish(node->twins(), "web.front.0").empty(); }));
}

TEST_F(JobsOfAFleet, SurviveAPowerCutOfTheCloud) {
  EXPECT_EQ(ask("PUT", "/api/v1/jobs/web", serve).status, 200);
  ASSERT_TRUE(comes([&] { return !wish(node->twins(), "web.front.1").empty(); }));
  const std::string before = wish(node->twins(), "web.front.1");
  cloud_machine.crash();
  cloud.reset();
  cloud_machine.restart();
  start_cloud();
  sim.run_for(1min);
  EXPECT_EQ(wish(node->twins(), "web.front.1"), before);
  EXPECT_EQ(ask("DELETE", "/api/v1/jobs/web").status, 204);
  EXPECT_TRUE(comes([&] { return wish(node->twins(), "web.front.1").empty(); }));
}

TEST_F(JobsOfAFleet, AreToldOfANodeInItsTwin) {
  EXPECT_EQ(ask("POST", "/api/v1/nodes/gate/cordon").status, 200);
  EXPECT_EQ(ask("PUT", "/api/v1/jobs/web", serve).status, 200);
  sim.run_for(5s);
  EXPECT_EQ(get("/api/v1/jobs/web")["unplaced"].integer(), 2);
  EXPECT_EQ(ask("POST", "/api/v1/nodes/gate/ready").status, 200);
  ASSERT_TRUE(comes([&] { return !wish(node->twins(), "web.front.1").empty(); }));
  EXPECT_EQ(ask("POST", "/api/v1/nodes/gate/sideways").status, 404);
}

TEST_F(JobsOfAFleet, ShowWhatTheirTasksWriteByWayOfTheCloud) {
  node_machine.processes().program("serve", [](os::fake::Process& process) {
    process.out("hello\n");
    for (int i = 1; i < 5; ++i) process.after(i * 3s, [&process, i] { process.out("still " + std::to_string(i) + "\n"); });
  });
  EXPECT_EQ(ask("PUT", "/api/v1/jobs/web", serve).status, 200);
  ASSERT_TRUE(comes([&] { return !node_machine.processes().running().empty(); }));
  const std::size_t before = node_machine.processes().running().size();
  ASSERT_GT(before, 0U);
  net::http::Client client(operator_machine, {}, operator_machine.network().client_tls(operator_tls()).value());
  std::string text;
  net::http::Fetch fetch{"GET", "https://cloud:8443/api/v1/tasks/web.front.0/logs?follow=true", {}, {}};
  fetch.on_head = [](const net::http::Fetched& head) { EXPECT_EQ(head.status, 200); };
  fetch.on_body = [&](base::BytesView piece) { text += base::as_text(piece); };
  client.fetch(std::move(fetch), [](auto) {});
  EXPECT_TRUE(comes([&] { return text.find("hello") != std::string::npos && text.find("still 3") != std::string::npos; })) << text;
  EXPECT_EQ(ask("GET", "/api/v1/tasks/web.front.9/logs").status, 404);
}

}  // namespace
}  // namespace selvedge::sim
