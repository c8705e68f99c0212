#include "task_fleet.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <queue>
#include <random>

#include "cloud/jobs.h"
#include "codec/json/value.h"
#include "net/http/http.h"
#include "os/fake/simulation.h"
#include "task_machine.h"

namespace selvedge::sim {

using base::Duration;
using base::Instant;
using codec::json::Value;
using namespace std::chrono_literals;

namespace {

constexpr Duration step = 100ms;
constexpr std::size_t poll_in_turns = 5;           // of each node every half second
constexpr Duration contact_every = 2s;
constexpr std::size_t site_size = 20;
constexpr std::size_t asks_at_once = 16;

std::string text_of(const Value& value) {
  base::JsonWriter json;
  write(value, json);
  return json.take();
}

struct Node {
  std::unique_ptr<TaskMachine> machine;
  std::string twin;
  bool link = true, known = false, hearing = false;   // known: the cloud counts it as connected
  bool burnt = false;                              // and is never on again
  Instant link_again{}, program_again{}, notices{};   // 0: not planned
  Instant sent{};                                  // the sync before, which is answered by now
};

struct Wished {
  std::uint32_t count = 0;
  std::string command;
  std::string document;
};

}  // namespace

struct TaskFleet::State {
  explicit State(const TaskFleetOptions& o) : options(o), random(o.seed), sim(o.seed) {
    for (std::size_t i = 0; i < options.nodes; ++i) {
      Node& node = nodes.emplace_back();
      node.machine = std::make_unique<TaskMachine>("n" + std::to_string(i), o.seed * 1'000'003 + i, ledger);
      node.twin = node.machine->name() + ":_node";
    }
  }
  ~State() {
    client.reset();
    cloud.crash();
    desk.crash();
    stop_cloud();
  }

  Instant now() const { return sim.now() + 1h; }
  bool chance(double per_step) { return std::uniform_real_distribution<>(0, 1)(random) < per_step; }
  std::size_t pick(std::size_t n) { return random() % n; }
  Duration between(Duration least, Duration most) {
    return least + Duration(static_cast<Duration::rep>(std::uniform_real_distribution<>(0, 1)(random) * static_cast<double>((most - least).count())));
  }

  // ---- the cloud ----

  void start_cloud() {
    twins = store::TwinStore::open(cloud, "state/twins", "cloud", {}).value();
    metrics = std::make_unique<base::Registry>();
    cloud::JobsSettings settings;
    settings.limits.silence_margin = 5s;
    jobs = cloud::Jobs::open(cloud, "state/jobs", *twins, settings, *metrics).value();
    server = std::make_unique<net::http::Server>(cloud, net::http::ServerLimits{});
    const auto identify = [](const net::http::Request&, auto told) {
      told(net::api::Caller{net::api::Caller::Kind::operator_, "ops", net::api::Right::operate, ""});
    };
    jobs->add_routes(*server, {identify, [](const net::api::Caller&, net::api::Change, auto then) { then({}); }});
    server->route("POST", "/api/v1/nodes/*", net::api::require(identify, net::api::Right::operate, [this](const auto& who, auto request, auto respond) {
                    const std::string rest = request.path.substr(14);
                    const std::size_t slash = rest.find('/');
                    if (!jobs->schedule(who, rest.substr(0, slash), rest.substr(slash + 1), respond)) respond(net::http::Response::problem(404, "not_found", ""));
                  }));
    if (!server->listen({"", 80}, nullptr)) report.breaches.push_back("the cloud does not listen");
  }
  void stop_cloud() {
    server.reset();
    jobs.reset();
    twins.reset();
  }
  void kill_cloud() {
    ++report.cloud_kills;
    cloud.crash();
    stop_cloud();
    for (Node& node : nodes) node.known = node.hearing = false, node.notices = {};
    cloud_again = now() + between(1s, 6s);
  }

  // ---- the operator ----

  struct Ask {
    std::string method, path, body;
    std::function<void(const net::http::Fetched&)> then;
  };
  void ask(std::string method, std::string path, std::string body = {}, std::function<void(const net::http::Fetched&)> then = nullptr) {
    asks.push_back({std::move(method), std::move(path), std::move(body), std::move(then)});
  }
  // In order, some at a time, each until the cloud has answered.
  void send_asks() {
    while (!asks.empty() && asking < asks_at_once && cloud_up()) {
      Ask one = std::move(asks.front());
      asks.pop_front();
      ++asking;
      net::http::Fetch request{one.method, "http://cloud:80" + one.path, {}, one.body};
      client->fetch(std::move(request), [this, one = std::move(one)](auto answer) mutable {
        --asking;
        if (!answer) return asks.push_front(std::move(one));
        if (answer->status >= 500) return asks.push_back(std::move(one));
        if (answer->status >= 300) report.breaches.push_back(one.method + " " + one.path + ": " + answer->body);
        if (one.then) one.then(*answer);
      });
    }
  }

  void wish(const std::string& name, Wished job) {
    const std::uint32_t kind = static_cast<std::uint32_t>(std::hash<std::string>()(name) % 10);
    const std::string policy = kind < 5 ? "" : kind < 9 ? R"(,"disconnect":{"policy":"replace","after":"25s"})" : R"(,"disconnect":{"policy":"stop","after":"25s"})";
    job.document = R"({"name":")" + name + R"(","groups":[{"name":"g","count":)" + std::to_string(job.count) + (kind % 2 == 0 ? R"(,"spread":"node")" : "") +
                   (kind == 7 ? R"(,"gang":true)" : "") +
                   R"(,"priority":)" + std::to_string(40 + 10 * (kind % 3)) + R"(,"task":{"command":[")" + job.command + R"(","v)" + std::to_string(pick(1'000)) +
                   R"("],"resources":{"cpu":)" + (kind % 3 == 0 ? "0.4" : "0.1") + R"(,"memory":"32MiB"},"stop_grace":"1s","restart":{"backoff_first":"500ms","backoff_most":"5s"})" +
                   (job.command == "work" ? R"(,"mode":"job","retries":100)" : "") + policy + R"(}}],"update":{"parallel":4,"healthy":"2s","deadline":"60s"}})";
    ask("PUT", "/api/v1/jobs/" + name, job.document);
    wished[name] = std::move(job);
  }
  void wish_the_first() {
    const auto wanted = static_cast<std::size_t>(options.tasks * static_cast<double>(options.nodes));
    for (std::size_t i = 0, have = 0; have < wanted; ++i) {
      const auto count = static_cast<std::uint32_t>(1 + pick(std::min<std::size_t>(40, wanted)));
      have += count;
      wish("j" + std::to_string(i), {count, i % 7 == 3 ? "work" : "serve", ""});
    }
  }
  void change(const std::string& name) {
    ++report.changes;
    Wished job = wished[name];
    if (job.command == "work") return;             // each of its members ends once
    if (pick(4) == 0) job.count = static_cast<std::uint32_t>(1 + pick(40));
    job.command = pick(10) == 0 ? "bad" : "serve";
    wish(name, std::move(job));
  }

  // ---- between a node and the cloud ----

  bool cloud_up() const { return jobs != nullptr; }
  bool linked(const Node& node) const { return node.link && node.machine->runs() && cloud_up(); }

  void poll(Node& node) {
    if (!linked(node)) return;
    if (!node.known) {
      node.known = true;
      node.notices = {};
      node.sent = {};
      const engine::Twin* const twin = twins->find(node.twin);
      std::set<std::string> named;
      if (twin == nullptr) {
        edit(node, R"({"features":{"node":{"properties":{"arch":"x86_64","resources":{"cpu":4000,"memory":4294967296,"disk":1000000000}}}}})");
      } else if (const auto said = codec::json::parse(twin->json("", "/features/tasks/properties").value_or("{}"))) {
        for (const auto& [task, status] : said->object())
          if (!task.starts_with('_')) named.insert(task);
      }
      jobs->node_connected(node.machine->name());
      node.machine->say_all(named);
    }
    const engine::Twin* const twin = twins->find(node.twin);
    const std::string revision(twin == nullptr ? std::string_view() : twin->leaf(model::TwinPart::desired, "/tasks/_revision"));
    if (revision != node.machine->revision() && !node.hearing) return hear(node, *twin, revision);
    if (node.hearing) return;
    if (node.sent.ns == 0) node.sent = now();
    else if (now() - node.sent >= contact_every) node.machine->contact(std::exchange(node.sent, now()), now());
    if (const std::string said = node.machine->take_reports(); !said.empty()) edit(node, said);
  }
  // What is not on the cloud's disk is not sent.
  void hear(Node& node, const engine::Twin& twin, const std::string& revision) {
    const auto parsed = codec::json::parse(twin.json("", "/features/tasks/desiredProperties").value_or("{}"));
    std::map<std::string, std::string> wishes;
    for (const auto& [task, wish] : parsed->object())
      if (!task.starts_with('_')) wishes[task] = text_of(wish);
    node.hearing = true;
    twins->commit([this, &node, wishes = std::move(wishes), revision] {
      node.hearing = false;
      if (linked(node)) node.machine->hear(wishes, revision, now());
    });
  }
  void edit(Node& node, const std::string& patch) {
    if (const auto edited = twins->edit(node.twin, {engine::TwinEdit::Kind::merge, "", patch}); !edited)
      report.breaches.push_back(node.twin + ": " + edited.error().message);
    twins->commit([] {});
  }

  // ---- trouble ----

  void cut(Node& node, Duration least, Duration most) {
    node.link = false;
    node.link_again = now() + between(least, most);
    lose(node);
  }
  // The cloud notices at once, or only when nothing has come for a while.
  void lose(Node& node) {
    if (node.known && node.notices.ns == 0) node.notices = now() + (pick(2) == 0 ? Duration(step) : between(1s, 30s));
  }
  void notice(Node& node) {
    if (node.notices.ns == 0 || now() < node.notices) return;
    node.notices = {};
    node.known = false;
    if (cloud_up()) jobs->node_left(node.machine->name());
  }
  // The operator says that it is gone, sooner or later.
  void burn(Node& node) {
    ++report.burnt;
    node.burnt = true;
    gone.emplace(now() + between(1s, 60s), node.machine->name());
  }
  void trouble(Node& node) {
    const double each = options.trouble * std::chrono::duration<double>(step).count() / 60;
    if (node.machine->runs() && chance(each * 0.5)) {
      ++report.kills;
      node.machine->kill_program(now());
      node.program_again = now() + between(100ms, 3s);
      lose(node);
    }
    if (node.machine->powered() && chance(each * 0.05)) {
      ++report.power_cuts;
      node.machine->cut_power(now());
      node.program_again = now() + between(10s, 120s);
      lose(node);
      if (pick(8) == 0 && report.burnt < nodes.size() / 4) burn(node);
    }
    if (node.link && chance(each * 0.15)) {
      ++report.cuts;
      cut(node, 1s, 120s);
    }
  }
  void trouble_of_all() {
    const double each = options.trouble * std::chrono::duration<double>(step).count() / 60;
    for (std::size_t first = 0; first < nodes.size(); first += site_size) {
      if (!chance(each * 0.03)) continue;
      ++report.site_cuts;
      const Duration time = between(10s, 90s);
      for (std::size_t i = first; i < std::min(first + site_size, nodes.size()); ++i)
        if (nodes[i].link) cut(nodes[i], time, time + 1s);
    }
    if (cloud_up() && chance(each * 0.3)) kill_cloud();
    if (chance(each * 2)) change("j" + std::to_string(pick(wished.size())));
    if (chance(each * 1)) {
      ++report.drains;
      const Node& chosen = nodes[pick(nodes.size())];
      if (chosen.burnt) return;
      const std::string& node = chosen.machine->name();
      ask("POST", "/api/v1/nodes/" + node + "/drain");
      drained.emplace(now() + between(10s, 60s), node);
    }
    for (; !drained.empty() && drained.begin()->first <= now(); drained.erase(drained.begin())) ready(drained.begin()->second);
  }
  void ready(const std::string& name) {
    const auto is = [&](const Node& node) { return node.machine->name() == name; };
    if (!std::ranges::find_if(nodes, is)->burnt) ask("POST", "/api/v1/nodes/" + name + "/ready");
  }
  void storm() {
    for (const auto& [name, job] : std::map<std::string, Wished>(wished))
      if (pick(5) == 0) {
        ++report.storm;
        change(name);
      }
  }

  // ---- time ----

  void turn(bool with_trouble) {
    sim.run_for(step);
    ++turns;
    if (!cloud_up() && cloud_again <= now()) {
      cloud.restart();
      start_cloud();
    }
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      Node& node = nodes[i];
      if (with_trouble) trouble(node);
      if (!node.machine->runs() && !node.burnt && node.program_again <= now()) node.machine->start_program(now());
      if (!node.link && node.link_again <= now()) node.link = true;
      notice(node);
      if (node.machine->wake_at() <= now()) node.machine->turn(now());
      if ((i + turns) % poll_in_turns == 0) poll(node);
    }
    if (with_trouble) trouble_of_all();
    for (; !gone.empty() && gone.begin()->first <= now(); gone.erase(gone.begin())) ask("POST", "/api/v1/nodes/" + gone.begin()->second + "/gone");
    send_asks();
  }

  bool until(const std::function<bool()>& done, Duration limit) {
    const Instant end = now() + limit;
    for (std::size_t i = 0;; ++i) {
      turn(false);
      if (i % 10 == 9 && done()) return true;
      if (now() > end) return false;
    }
  }

  // ---- what must hold ----

  std::uint64_t wanted() const {
    std::uint64_t all = 0;
    for (const auto& [name, job] : wished) all += job.count;
    return all;
  }
  // As the cloud says it.
  bool all_well() {
    if (!asks.empty() || asking > 0) return false;
    std::optional<Value> listed;
    ask("GET", "/api/v1/jobs", "", [&](const net::http::Fetched& answer) { listed = codec::json::parse(answer.body).value(); });
    send_asks();
    if (!sim.run_until([&] { return listed.has_value(); }, 10s)) return false;
    unwell.clear();
    for (const Value& job : listed->array())
      if (job["state"].text() == "rolling-out" || job["running"].integer() + job["done"].integer() != job["wanted"].integer()) unwell.push_back(text_of(job));
    return unwell.empty() && listed->array().size() == wished.size();
  }
  // What the cloud says lives is what lives, and nothing else does.
  void compare() {
    std::size_t said = 0;
    std::optional<Value> rows;
    ask("GET", "/api/v1/tasks", "", [&](const net::http::Fetched& answer) { rows = codec::json::parse(answer.body).value(); });
    send_asks();
    sim.run_until([&] { return rows.has_value(); }, 10s);
    if (!rows) return report.breaches.push_back("the cloud does not say what runs");
    for (const Value& row : rows->array()) {
      if (row["state"].text() != "running") continue;
      ++said;
      const auto live = ledger.live.find(row["task"].text());
      if (live == ledger.live.end() || live->second.begin()->first != row["node"].text())
        report.breaches.push_back(row["task"].text() + " is said to run on " + row["node"].text() + ", and does not");
    }
    if (said != ledger.live.size()) report.breaches.push_back(std::to_string(ledger.live.size()) + " tasks live, of which the cloud knows " + std::to_string(said));
  }

  TaskFleetReport run() {
    start_cloud();
    client = std::make_unique<net::http::Client>(desk, net::http::ClientLimits{}, nullptr);
    for (Node& node : nodes) node.machine->start_program(now());
    for (int i = 0; i < 20; ++i) turn(false);
    wish_the_first();
    report.jobs = wished.size();
    const Instant began = now();
    if (!until([this] { return all_well(); }, options.patience)) report.breaches.push_back("the first jobs did not come to live: " + (unwell.empty() ? "" : unwell.front()));
    report.first_placed = now() - began;

    const Instant end = now() + options.length;
    const Instant middle = now() + options.length / 3;
    bool stormed = false;
    while (now() < end) {
      turn(options.trouble > 0);
      if (!stormed && now() >= middle) stormed = true, storm();
    }
    for (Node& node : nodes) {
      node.link_again = now();
      node.program_again = now();
    }
    for (const auto& [at, node] : std::exchange(drained, {})) ready(node);
    // What is bad has gone back to what was well; from here on all is to be served.
    for (auto& [name, job] : std::map<std::string, Wished>(wished))
      if (job.command == "bad") wish(name, {job.count, "serve", ""});
    const Instant calm = now();
    if (!until([this] { return all_well(); }, options.patience))
      report.breaches.push_back(std::to_string(unwell.size()) + " jobs are not well, one of them " + (unwell.empty() ? "" : unwell.front()));
    report.calm_after = now() - calm;
    compare();
    report.wanted = wanted();
    report.starts = ledger.starts;
    report.most_processes = ledger.most_processes;
    report.breaches.insert(report.breaches.end(), ledger.breaches.begin(), ledger.breaches.end());
    return std::move(report);
  }

  TaskFleetOptions options;
  std::mt19937_64 random;
  os::fake::Simulation sim;
  os::fake::Machine& cloud = sim.machine("cloud");
  os::fake::Machine& desk = sim.machine("desk");
  std::unique_ptr<store::TwinStore> twins;
  std::unique_ptr<base::Registry> metrics;
  std::unique_ptr<cloud::Jobs> jobs;
  std::unique_ptr<net::http::Server> server;
  std::unique_ptr<net::http::Client> client;
  Instant cloud_again{};
  TaskLedger ledger;
  std::vector<Node> nodes;
  std::map<std::string, Wished> wished;
  std::deque<Ask> asks;
  std::size_t asking = 0, turns = 0;
  std::multimap<Instant, std::string> drained, gone;   // until when, since when
  std::vector<std::string> unwell;
  TaskFleetReport report;
};

TaskFleet::TaskFleet(const TaskFleetOptions& options) : state_(std::make_unique<State>(options)) {}
TaskFleet::~TaskFleet() = default;

TaskFleetReport TaskFleet::run() { return state_->run(); }

std::string TaskFleetOptions::command() const {
  return "task_fleet_sim --seed " + std::to_string(seed) + " --nodes " + std::to_string(nodes) + " --tasks " + std::to_string(tasks) + " --seconds " +
         std::to_string(std::chrono::duration_cast<std::chrono::seconds>(length).count()) + " --trouble " + std::to_string(trouble);
}

std::string TaskFleetReport::text() const {
  const auto seconds = [](Duration time) { return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s"; };
  std::string text = std::to_string(jobs) + " jobs, " + std::to_string(wanted) + " tasks; first all lived after " + seconds(first_placed) + "; " +
                     std::to_string(starts) + " starts, at most " + std::to_string(most_processes) + " processes\n" + std::to_string(kills) +
                     " programs killed, " + std::to_string(power_cuts) + " power cuts (" + std::to_string(burnt) + " for ever), " + std::to_string(cuts) + " links and " + std::to_string(site_cuts) +
                     " sites cut, " + std::to_string(cloud_kills) + " times the cloud, " + std::to_string(changes) + " changes (" + std::to_string(storm) +
                     " at once), " + std::to_string(drains) + " drains; all well " + seconds(calm_after) + " after the trouble\n";
  for (std::size_t i = 0; i < std::min<std::size_t>(breaches.size(), 20); ++i) text += "BREACH: " + breaches[i] + "\n";
  if (breaches.size() > 20) text += "and " + std::to_string(breaches.size() - 20) + " more\n";
  return text;
}

}  // namespace selvedge::sim
