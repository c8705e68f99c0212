// A cloud's jobs over a store of twins on a disk that can be cut, and nodes that do what their twins wish. For tests.

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cloud/jobs.h"
#include "codec/json/value.h"
#include "codec/task/task.h"
#include "net/http/http.h"
#include "os/fake/simulation.h"

namespace selvedge::cloud {

using namespace std::chrono_literals;

class JobsTest : public testing::Test {
 protected:
  using Kind = engine::TwinEdit::Kind;
  struct Node {
    bool connected = true;
    std::map<std::string, model::TaskStatus> tasks;
    std::map<std::string, std::uint64_t> generations;
    std::uint64_t heard = 0;
  };

  ~JobsTest() override {
    machine.crash();
    desk.crash();
    server.reset();
    jobs.reset();
    twins.reset();
  }

  void open() {
    twins = store::TwinStore::open(machine, "state/twins", "cloud", {.twin = twin_limits}).value();
    metrics = std::make_unique<base::Registry>();
    auto opened = Jobs::open(machine, "state/jobs", *twins, settings, *metrics);
    ASSERT_TRUE(opened) << opened.error().message;
    jobs = std::move(*opened);
    server = std::make_unique<net::http::Server>(machine, net::http::ServerLimits{});
    const auto identify = [this](const net::http::Request& request, auto told) {
      const std::string_view who = request.header("authorization");
      using Caller = net::api::Caller;
      if (who == "nobody") return told(Caller{});
      told(Caller{Caller::Kind::operator_, std::string(who.empty() ? "alice" : who),
                  who == "viewer" ? net::api::Right::view : net::api::Right::operate, ""});
    };
    jobs->add_routes(*server, {identify, [this](const net::api::Caller& who, net::api::Change what, auto then) {
                                 audited.push_back(who.text() + " " + what.action + " " + what.target);
                                 then({});
                               }, send});
    server->route("POST", "/api/v1/nodes/*", net::api::require(identify, net::api::Right::operate, [this](const auto& who, auto request, auto respond) {
                    const std::string rest = request.path.substr(14);
                    const std::size_t slash = rest.find('/');
                    if (!jobs->schedule(who, rest.substr(0, slash), rest.substr(slash + 1), respond)) respond(net::http::Response::problem(404, "not_found", ""));
                  }));
    ASSERT_TRUE(server->listen({"", 80}, nullptr));
    for (auto& [name, node] : nodes)
      if (node.connected) jobs->node_connected(name);
  }
  // As after kill -9 and a power cut.
  void restart() {
    if (machine.alive()) machine.crash();
    server.reset();
    jobs.reset();
    twins.reset();
    machine.restart();
    open();
  }

  void add_node(const std::string& name, std::int64_t cpu = 1000, std::int64_t memory = 1 << 30) {
    nodes[name] = {};
    edit(name, "", R"({"features":{"node":{"properties":{"arch":"x86_64","resources":{"cpu":)" + std::to_string(cpu) +
                       R"(,"memory":)" + std::to_string(memory) + R"(,"disk":1000000000}}}}})");
    jobs->node_connected(name);
  }
  void edit(const std::string& name, const std::string& pointer, const std::string& json, Kind kind = Kind::merge) {
    const auto edited = twins->edit(name + ":_node", {kind, pointer, json});
    ASSERT_TRUE(edited) << edited.error().message;
    twins->commit([] {});
  }
  std::string wish(const std::string& name, const std::string& task) {
    const engine::Twin* twin = twins->find(name + ":_node");
    return twin == nullptr ? "" : twin->json("", "/features/tasks/desiredProperties/" + task).value_or("");
  }
  void cut(const std::string& name) {
    nodes[name].connected = false;
    jobs->node_left(name);
  }
  void mend(const std::string& name) {
    nodes[name].connected = true;
    jobs->node_connected(name);
  }

  // A node takes up its wishes and says what runs.
  virtual void work(const std::string& name, Node& node) {
    const engine::Twin* twin = twins->find(name + ":_node");
    if (twin == nullptr) return;
    const auto wished = codec::json::parse(twin->json("", "/features/tasks/desiredProperties").value_or("{}")).value();
    const std::int64_t revision = wished["_revision"].integer();
    std::map<std::string, std::string> say;
    for (auto at = node.tasks.begin(); at != node.tasks.end();) {
      if (!wished.object().contains(at->first) && !stubborn) {
        say[at->first] = "null";
        at = node.tasks.erase(at);
      } else {
        ++at;
      }
    }
    for (const auto& [task, value] : wished.object()) {
      if (task.starts_with('_')) continue;
      const auto generation = static_cast<std::uint64_t>(value["generation"].integer());
      model::TaskStatus& status = node.tasks[task];
      if (status.generation != generation) {
        ++starts[task];
        status = {};
        status.generation = generation;
        status.run = 1;
        status.state = model::TaskState::running;
      }
      if (broken == value["command"].array().at(0).text()) {
        status.state = model::TaskState::failed;
        status.reason = "exit status 1";
      }
      std::string json;
      for (const auto& member : codec::task::status_members(status))
        json += (json.empty() ? "{\"" : ",\"") + std::string(member.name) + "\":" + (member.json.empty() ? "null" : member.json);
      say[task] = json + "}";
    }
    std::string json;
    for (const auto& [task, value] : say) json += ",\"" + task + "\":" + value;
    edit(name, "", R"({"features":{"tasks":{"properties":{"_heard":)" + std::to_string(revision) + json + "}}}}");
  }
  void turns(int count = 3) {
    for (int i = 0; i < count; ++i) {
      sim.run_for(1s);
      for (auto& [name, node] : nodes)
        if (node.connected) work(name, node);
    }
    sim.run_for(100ms);
  }

  net::http::Fetched ask(const std::string& method, const std::string& path, std::string body = {}, const std::string& who = "alice") {
    net::http::Client client(desk, {}, nullptr);
    std::optional<base::Result<net::http::Fetched>> got;
    client.fetch({method, "http://cloud:80" + path, {{"authorization", who}}, std::move(body)}, [&](auto answer) { got = std::move(answer); });
    EXPECT_TRUE(sim.run_until([&] { return got.has_value(); }, 1min));
    EXPECT_TRUE(got && *got) << (got ? got->error().message : "no answer");
    return got && *got ? **got : net::http::Fetched{};
  }
  codec::json::Value get(const std::string& path) { return codec::json::parse(ask("GET", path).body).value_or(codec::json::Value{}); }
  static std::string job(int count, const std::string& command = "./serve", const std::string& more = {}, const std::string& name = "web",
                         const std::string& task = {}) {
    return R"({"name":")" + name + R"(","groups":[{"name":"front","count":)" + std::to_string(count) + R"(,"task":{"command":[")" + command +
           R"("],"resources":{"cpu":0.5,"memory":"64MiB"})" + task + "}" + more + R"(}],"update":{"healthy":"2s","deadline":"30s"}})";
  }
  void submit(const std::string& document, const std::string& name = "web") {
    const auto answer = ask("PUT", "/api/v1/jobs/" + name, document);
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
  // "web.front.0" -> node, of those that are where they are to be.
  std::map<std::string, std::string> where(const std::string& name = "web") {
    std::map<std::string, std::string> found;
    const auto status = get("/api/v1/jobs/" + name);
    for (const auto& member : status["members"].array()) found[member["task"].text()] = member["state"].text() + " " + member["node"].text();
    return found;
  }

  os::fake::Simulation sim{5};
  os::fake::Machine& machine = sim.machine("cloud");
  os::fake::Machine& desk = sim.machine("desk");
  engine::TwinLimits twin_limits;
  JobsSettings settings;
  std::unique_ptr<store::TwinStore> twins;
  std::unique_ptr<base::Registry> metrics;
  std::unique_ptr<Jobs> jobs;
  std::unique_ptr<net::http::Server> server;
  std::map<std::string, Node> nodes;
  std::map<std::string, int> starts;
  std::vector<std::string> audited;
  things::SendCommand send;
  std::string broken;                              // a command that fails
  bool stubborn = false;                           // nodes do not end what is not wished any more
};

}  // namespace selvedge::cloud
