// A cloud and the nodes of one site, each on a machine of its own, whose tasks are programs that run until they are told
// to end. What must never happen, that a task runs twice, is looked at after every event.

#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "cloud/cloud.h"
#include "codec/json/value.h"
#include "credentials.h"
#include "engine/trust/trust_fixture.h"
#include "memory_block_store.h"
#include "net/http/http.h"
#include "node/node.h"
#include "os/fake/simulation.h"
#include "os/file_at.h"
#include "store/artifact_fixture.h"

namespace selvedge::sim {

using namespace std::chrono_literals;

class SiteTest : public testing::Test {
 protected:
  static constexpr const char* program = "/bin/serve";

  explicit SiteTest(std::uint64_t seed = 21) : sim(seed), database(std::make_shared<Database>(seed)) {
    sim.set_default_link({.latency = 1ms, .jitter = 1ms, .user_timeout = 1min});
  }
  ~SiteTest() override {
    for (os::fake::Machine* machine : sim.machines()) machine->crash();
    nodes.clear();
    cloud.reset();
  }

  static std::string name(std::size_t i) { return "n" + std::to_string(i); }
  os::fake::Machine& machine(std::size_t i) { return sim.machine(name(i)); }

  // An artifact on the disk of a node that does not run, as if it had been fetched.
  void bring(std::size_t i, const std::string& artifact) {
    auto opened = store::ArtifactStore::open(machine(i), "state/artifacts", {});
    ASSERT_TRUE(opened) << opened.error().message;
    store::ArtifactStore& artifacts = **opened;
    const base::Bytes bytes = base::to_bytes("what is in " + artifact);
    auto manifest = std::make_shared<model::ArtifactManifest>(store::test::manifest_of(bytes, artifact, 1));
    manifest->created = engine::trust_start;
    std::optional<base::Result<void>> brought;
    artifacts.begin(manifest, signers.envelope(*manifest, {"signer"}), store::Pin::yes, [&](base::Result<store::ArtifactBegun> begun) {
      ASSERT_TRUE(begun) << begun.error().message;
      artifacts.run(begun->writer, [&](store::ArtifactWriter& w) { EXPECT_TRUE(w.write(bytes, machine(i).loop().now())); },
                    [&, writer = begun->writer] { artifacts.publish(writer, [&](base::Result<void> done) { brought = done; }); });
    });
    ASSERT_TRUE(sim.run_until([&] { return brought.has_value(); }, 1min));
    ASSERT_TRUE(*brought) << (*brought).error().message;
  }

  // All but `without` the artifact "data"; else nobody does.
  void build(std::size_t count, std::optional<std::size_t> without = {}) {
    const Credentials& credentials = Credentials::since(cloud_machine.wall_now());
    ASSERT_TRUE(credentials.install_cloud(cloud_machine, "state", "cloud"));
    start_cloud();
    nodes.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      ASSERT_TRUE(credentials.install_node(machine(i), "state", name(i), "cloud:8884"));
      for (const char* const one : {program, "/bin/other"}) machine(i).processes().program(one, [](os::fake::Process&) {});
      ASSERT_TRUE(os::write_text(machine(i), "keys.json", signers.envelope(signers.first(), {"root"})));
      if (without && *without != i) bring(i, "data");
      start_node(i);
    }
    sim.run_for(5s);
  }

  void start_cloud() {
    cloud::CloudConfig config;
    config.state = "state";
    config.hosts = {"cloud"};
    auto made = cloud::Cloud::create(cloud_machine, config, MemoryBlockStore::open(cloud_machine, "state", database).value());
    ASSERT_TRUE(made) << made.error().message;
    cloud = std::move(*made);
    ASSERT_TRUE(cloud->start());
  }
  void kill_cloud() {
    cloud_machine.crash();
    cloud.reset();
  }
  void restart_cloud() {
    cloud_machine.restart();
    start_cloud();
  }

  virtual void configure(node::NodeConfig&) {}
  void start_node(std::size_t i) {
    node::NodeConfig config;
    config.state = "state";
    config.mqtt_listen.clear();
    config.http_listen = {"127.0.0.1:8080"};
    config.forward.backoff_max = 2s;
    config.artifacts_root = "keys.json";
    config.site_name = "hall";
    for (std::size_t other = 0; other < nodes.size(); ++other) config.site_members.push_back({name(other), name(other) + ":8885"});
    configure(config);
    ASSERT_TRUE(config.finish());
    auto made = node::Node::create(machine(i), config);
    ASSERT_TRUE(made) << made.error().message;
    nodes[i] = std::move(*made);
    const auto started = nodes[i]->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  // The machine is off, or its program ends and what it started goes on.
  void kill(std::size_t i, std::optional<os::fake::Crash> how = {}) {
    if (how) machine(i).crash(*how);
    else machine(i).crash();
    nodes[i].reset();
  }
  void restart(std::size_t i) {
    machine(i).restart();
    start_node(i);
  }
  bool alive(std::size_t i) const { return nodes[i] != nullptr; }

  // ---- what runs ----

  // Where each task runs. A machine that is off runs nothing.
  std::multimap<std::string, std::size_t> runs() {
    std::multimap<std::string, std::size_t> all;
    for (std::size_t i = 0; i < nodes.size(); ++i)
      for (const os::fake::Process* one : machine(i).processes().running())
        all.emplace(one->options().group.substr(one->options().group.find('/') + 1), i);
    return all;
  }
  int where(const std::string& task) {
    const auto all = runs();
    const auto at = all.find(task);
    return at == all.end() ? -1 : static_cast<int>(at->second);
  }
  std::uint64_t starts() {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i) sum += machine(i).processes().started();
    return sum;
  }
  void check() {
    std::string last;
    for (const auto& [task, i] : runs()) {
      ASSERT_NE(task, last) << "runs twice, also on " << name(i) << ", at " << seconds(sim.now()) << " s, seed " << sim.seed();
      last = task;
    }
  }
  static double seconds(base::Instant at) { return std::chrono::duration<double>(at - base::Instant{}).count(); }
  void pass(base::Duration time) {
    until([] { return false; }, time);
  }
  // Whether `done` came to hold.
  bool until(const std::function<bool()>& done, base::Duration limit) {
    return sim.run_until([&] { return check(), HasFatalFailure() || done(); }, limit) && !HasFatalFailure();
  }

  // ---- the cloud ----

  net::http::Fetched ask(const std::string& method, const std::string& path, std::string body = {}) {
    auto dir = cloud_machine.directory("state/identity", false).value();
    const auto read = [&](const char* file) { return std::string(base::as_text(os::read_file(*dir, file, 64 << 10).value())); };
    os::TlsConfig tls;
    tls.certificate = read("operator.crt");
    tls.key = read("operator.key");
    tls.trusted = read("ca.crt");
    net::http::Client client(desk, {}, desk.network().client_tls(tls).value());
    std::optional<base::Result<net::http::Fetched>> got;
    client.fetch({method, "https://cloud:8443" + path, {}, std::move(body)}, [&](auto answer) { got = std::move(answer); });
    EXPECT_TRUE(sim.run_until([&] { return got.has_value(); }, 2min));
    EXPECT_TRUE(got && *got) << (got ? got->error().message : "no answer");
    return got && *got ? **got : net::http::Fetched{};
  }
  codec::json::Value get(const std::string& path) {
    auto parsed = codec::json::parse(ask("GET", path).body);
    EXPECT_TRUE(parsed) << path;
    return parsed ? std::move(*parsed) : codec::json::Value();
  }
  void submit(const std::string& job, int count, const std::string& command = program, const std::string& more = {}) {
    const auto answer = ask("PUT", "/api/v1/jobs/" + job,
                            R"({"name":")" + job + R"(","groups":[{"name":"g","count":)" + std::to_string(count) +
                                R"(,"spread":"node","task":{"command":[")" + command +
                                R"("],"stop_grace":"200ms","resources":{"cpu":0.01},"disconnect":{"policy":"site"})" + more + "}}]}");
    ASSERT_EQ(answer.status, 200) << answer.body;
  }
  // Where the cloud has a member, and how it is.
  std::string place(const std::string& job, std::int64_t index) {
    const auto status = get("/api/v1/jobs/" + job);
    for (const auto& member : status["members"].array())
      if (member["index"].integer() == index) return member["node"].text() + " " + member["state"].text();
    return "?";
  }

  engine::Signers signers;
  os::fake::Simulation sim;
  std::shared_ptr<Database> database;
  os::fake::Machine& cloud_machine = sim.machine("cloud");
  os::fake::Machine& desk = sim.machine("desk");
  std::unique_ptr<cloud::Cloud> cloud;
  std::vector<std::unique_ptr<node::Node>> nodes;
};

}  // namespace selvedge::sim
