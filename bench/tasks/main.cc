// task_load: a real cloud and many nodes that only speak: from the submission of a job to its tasks running, over
// loopback and mutual TLS (bench/tasks.py starts the cloud).
//
//   task_load --identity DIR --mqtt PORT --https PORT --pid PID [--nodes N] [--tasks N] [--jobs N] [--singles N] [--rate N]
//
// First a burst: jobs with `tasks` members together are submitted at once. A task counts as placed when a node has its
// wish: the cloud sends it only when record and wish are on disk. It counts as running when the cloud acknowledges the
// node's report: that is on disk, too. Then single tasks at a fixed rate, each timed from when it was due.
// DIR is the cloud's identity folder: certificates of the nodes are signed here with its key. Prints JSON.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "net/http/http.h"
#include "wire_node.h"

using namespace selvedge;

namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string identity;
  std::int64_t mqtt = 0, https = 0, pid = 0, nodes = 500, tasks = 20'000, jobs = 20, singles = 1'000, rate = 100;
};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "task_load: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T must(base::Result<T> result) {
  if (!result) give_up(result.error().message);
  return std::move(*result);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  if (!file) give_up("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

double cpu_seconds(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  std::istringstream rest(text.substr(std::min(text.size(), text.rfind(')') + 1)));
  std::string word;
  double ticks = 0;
  for (int field = 3; field <= 15 && rest >> word; ++field)
    if (field >= 14) ticks += std::atof(word.c_str());
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double own_cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return of(used.ru_utime) + of(used.ru_stime);
}

double milliseconds(Clock::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

double quantile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

struct Times {
  std::vector<double> values;
  void write(base::JsonWriter& json, std::string_view name) {
    json.key(name).begin_object();
    json.field("p50", quantile(values, .5)).field("p90", quantile(values, .9)).field("p99", quantile(values, .99));
    json.field("most", quantile(values, 1)).end_object();
  }
};

std::string document(const std::string& name, std::int64_t count) {
  return R"({"name":")" + name + R"(","groups":[{"name":"t","count":)" + std::to_string(count) +
         R"(,"task":{"command":["/usr/bin/serve","--port","80"],"resources":{"cpu":0.1,"memory":"32MiB"}}}]})";
}

class Load {
 public:
  Load(os::RealWorld& world, Options options) : world_(world), options_(std::move(options)) {
    os::TlsConfig tls;
    tls.trusted = read_text(options_.identity + "/ca.crt");
    tls.certificate = read_text(options_.identity + "/operator.crt");
    tls.key = read_text(options_.identity + "/operator.key");
    http_ = std::make_unique<net::http::Client>(world_, net::http::ClientLimits{.timeout = std::chrono::minutes(2)},
                                                must(world_.network().client_tls(tls)));
    told_.known = [this] {
      ++known_;
      connect_more();
      if (known_ == options_.nodes) world_.loop().after(std::chrono::seconds(1), [this] { burst(); });
    };
    told_.wished = [this](const std::string& task) { wished(task); };
    told_.reported = [this](const std::string& task) { reported(task); };
    told_.lost = [](const std::string& why) { give_up(why); };
  }

  void begin() {
    authority_ = {read_text(options_.identity + "/ca-1.crt"), read_text(options_.identity + "/ca-1.key")};
    begun_ = Clock::now();
    for (int i = 0; i < 16; ++i) connect_more();
  }
  std::string result() { return json_.take(); }

 private:
  void connect_more() {
    if (static_cast<std::int64_t>(nodes_.size()) >= options_.nodes) return;
    const std::string name = "node-" + std::to_string(nodes_.size());
    os::TlsConfig tls;
    tls.key = must(crypto::make_key());
    tls.certificate = must(crypto::issue(authority_, must(crypto::make_csr(tls.key, name)),
                                         {crypto::Role::node, name, {}, world_.loop().wall_now(), std::chrono::hours(24)}));
    tls.trusted = read_text(options_.identity + "/ca.crt");
    tls.server_name = "localhost";
    // Rooms for the burst, and a few for what comes singly.
    const auto rooms = static_cast<int>((options_.tasks + options_.nodes - 1) / options_.nodes + 8);
    nodes_.push_back(std::make_unique<bench::WireNode>(world_, name, rooms, told_));
    nodes_.back()->connect({"127.0.0.1", static_cast<std::uint16_t>(options_.mqtt)}, must(world_.network().client_tls(tls)));
  }

  void put(const std::string& name, std::int64_t count, std::function<void()> answered) {
    net::http::Fetch fetch;
    fetch.method = "PUT";
    fetch.url = "https://localhost:" + std::to_string(options_.https) + "/api/v1/jobs/" + name;
    fetch.body = document(name, count);
    http_->fetch(std::move(fetch), [name, answered = std::move(answered)](base::Result<net::http::Fetched> answer) {
      if (!answer) give_up("submit " + name + ": " + answer.error().message);
      if (answer->status != 200) give_up("submit " + name + ": " + answer->body);
      answered();
    });
  }

  // ---- all at once ----
  void burst() {
    connected_in_ = milliseconds(Clock::now() - begun_);
    cpu_ = cpu_seconds(options_.pid);
    own_cpu_ = own_cpu_seconds();
    begun_ = Clock::now();
    waited_ = options_.tasks;
    for (std::int64_t i = 0; i < options_.jobs; ++i) {
      const std::int64_t count = options_.tasks / options_.jobs + (i < options_.tasks % options_.jobs ? 1 : 0);
      put("j" + std::to_string(i), count, [this] { burst_answered_ = Clock::now(); });
    }
  }
  void end_of_burst() {
    const double placed_s = milliseconds(last_wished_ - begun_) / 1000, running_s = milliseconds(Clock::now() - begun_) / 1000;
    const auto rate = [&](double seconds) { return static_cast<double>(options_.tasks) / seconds; };
    json_.begin_object().field("nodes", options_.nodes).field("connected_ms", connected_in_);
    json_.key("burst").begin_object().field("tasks", options_.tasks).field("jobs", options_.jobs);
    json_.field("answered_s", milliseconds(burst_answered_ - begun_) / 1000).field("placed_s", placed_s).field("running_s", running_s);
    json_.field("placed_per_s", rate(placed_s)).field("running_per_s", rate(running_s));
    json_.field("cloud_cpu_s", cpu_seconds(options_.pid) - cpu_).field("load_cpu_s", own_cpu_seconds() - own_cpu_);
    placed_.write(json_, "placed_ms");
    running_.write(json_, "running_ms");
    json_.end_object();
    if (options_.singles == 0) return finish();
    singly_ = true;
    placed_ = running_ = {};
    waited_ = options_.singles;
    // What the burst left to do is not to be counted here.
    world_.loop().after(std::chrono::seconds(2), [this] {
      cpu_ = cpu_seconds(options_.pid);
      begun_ = Clock::now();
      next();
    });
  }

  // ---- one by one ----
  Clock::time_point due(std::int64_t number) const {
    return begun_ + std::chrono::nanoseconds(number * 1'000'000'000 / options_.rate);
  }
  void next() {
    for (; submitted_ < options_.singles && due(submitted_) <= Clock::now(); ++submitted_) {
      const std::string name = "s" + std::to_string(submitted_);
      const Clock::time_point at = due_[name + ".t.0"] = due(submitted_);
      put(name, 1, [this, at] { answered_.values.push_back(milliseconds(Clock::now() - at)); });
    }
    if (submitted_ < options_.singles)
      world_.loop().after(std::max<base::Duration>(due(submitted_) - Clock::now(), std::chrono::microseconds(100)), [this] { next(); });
  }
  void finish() {
    if (options_.singles > 0) {
      json_.key("singly").begin_object().field("tasks", options_.singles).field("per_s", options_.rate);
      json_.field("cloud_cpu_s", cpu_seconds(options_.pid) - cpu_);
      answered_.write(json_, "answered_ms");
      placed_.write(json_, "placed_ms");
      running_.write(json_, "running_ms");
      json_.end_object();
    }
    json_.end_object();
    world_.stop();
  }

  double since(const std::string& task) const {
    const auto at = due_.find(task);
    return milliseconds(Clock::now() - (singly_ && at != due_.end() ? at->second : begun_));
  }
  void wished(const std::string& task) {
    last_wished_ = Clock::now();
    placed_.values.push_back(since(task));
  }
  void reported(const std::string& task) {
    running_.values.push_back(since(task));
    if (--waited_ > 0) return;
    if (singly_) finish();
    else end_of_burst();
  }

  os::RealWorld& world_;
  Options options_;
  std::unique_ptr<net::http::Client> http_;
  crypto::Authority authority_;
  bench::WireNode::Told told_;
  std::vector<std::unique_ptr<bench::WireNode>> nodes_;
  std::int64_t known_ = 0, waited_ = 0, submitted_ = 0;
  bool singly_ = false;
  Clock::time_point begun_, burst_answered_, last_wished_;
  double connected_in_ = 0, cpu_ = 0, own_cpu_ = 0;
  std::map<std::string, Clock::time_point> due_;
  Times answered_, placed_, running_;
  base::JsonWriter json_;
};

Options parse(int count, char** words) {
  Options options;
  const std::map<std::string, std::int64_t*> numbers{{"--mqtt", &options.mqtt},   {"--https", &options.https}, {"--pid", &options.pid},
                                                     {"--nodes", &options.nodes}, {"--tasks", &options.tasks}, {"--jobs", &options.jobs},
                                                     {"--singles", &options.singles}, {"--rate", &options.rate}};
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i];
    if (name == "--identity") {
      options.identity = words[i + 1];
      continue;
    }
    const auto number = base::parse_int(words[i + 1]);
    if (!numbers.contains(name) || !number || *number < 0) give_up("unknown or wrong: " + name + " " + words[i + 1]);
    *numbers.at(name) = *number;
  }
  if (options.identity.empty() || options.mqtt == 0 || options.https == 0 || options.nodes < 1 || options.jobs < 1 || options.rate < 1)
    give_up("usage: task_load --identity DIR --mqtt PORT --https PORT --pid PID [--nodes N] [--tasks N] [--jobs N] [--singles N] [--rate N]");
  return options;
}

}  // namespace

int main(int count, char** words) {
  base::log::set_level(base::log::Level::warn);
  const auto world = must(os::RealWorld::create());
  Load load(*world, parse(count, words));
  load.begin();
  world->run({});
  std::printf("%s\n", load.result().c_str());
  return 0;
}
