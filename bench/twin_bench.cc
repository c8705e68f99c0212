// What twins cost in process: changing them, durable by group commit; a million of them in memory and on disk;
// finding some by the value of a leaf.
//
//   twin_bench --dir DIR [--twins N] [--rounds N] [--json]
//
// Times are CPU time of the whole process, the thread that syncs included. The peer for a modification
// does in memory what a document store has to: it parses the document's patch to a DOM (simdjson), merges
// it into maps of values, and writes the difference and an event as text; it stores nothing.

#include <simdjson.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/log.h"
#include "os/world.h"
#include "store/twin_store.h"

using namespace selvedge;

namespace {

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.empty() ? 0 : v[v.size() / 2];
}

[[noreturn]] void give_up(std::string_view what) {
  std::fprintf(stderr, "twin_bench: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

template <typename T>
T must(base::Result<T> result) {
  if (!result) give_up(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

std::string id_of(std::size_t i) { return "plant-1:sensor-" + std::to_string(1'000'000 + i); }

// About 284 bytes and ten leaves.
std::string document(std::size_t i) {
  return R"({"attributes":{"manufacturer":"ACME Instruments and Sons Ltd.","model":"TH-)" + std::to_string(i % 7) + R"(-outdoor","location":"hall-)" +
         std::to_string(i % 10'000) + R"(","serial":"SN-2026-)" + std::to_string(10'000'000 + i) +
         R"("},"features":{"climate":{"properties":{"temperature":21.5,"humidity":45,"battery":98,"on":true},)"
         R"("desiredProperties":{"interval":60,"on":true}}}})";
}

// Each changes two reported values, as a device's report does.
std::string report(std::size_t i) {
  return R"({"features":{"climate":{"properties":{"temperature":)" + std::to_string(15 + i % 200 / 10) + "." +
         std::to_string(i % 10) + R"(,"humidity":)" + std::to_string(30 + i % 41) + "}}}}";
}

// ---- the peer ----

struct Node {
  std::map<std::string, Node, std::less<>> members;
  std::variant<std::nullptr_t, bool, double, std::int64_t, std::string> value;
};

bool merge(Node& into, const simdjson::dom::element& patch, std::string& difference) {
  if (!patch.is_object()) {
    Node made;
    if (patch.is_string()) made.value = std::string(patch.get_string().value());
    else if (patch.is_bool()) made.value = patch.get_bool().value();
    else if (patch.is_int64()) made.value = patch.get_int64().value();
    else if (patch.is_double()) made.value = patch.get_double().value();
    if (into.members.empty() && into.value == made.value) return false;
    into = std::move(made);
    difference += simdjson::minify(patch);
    return true;
  }
  const std::size_t begun = difference.size();
  difference += '{';
  bool changed = false;
  for (const auto member : patch.get_object()) {
    const std::size_t before = difference.size();
    if (changed) difference += ',';
    difference.append(1, '"').append(member.key).append("\":");
    auto at = into.members.find(member.key);
    if (at == into.members.end()) at = into.members.emplace(std::string(member.key), Node{}).first;
    if (merge(at->second, member.value, difference)) changed = true;
    else difference.resize(before);
  }
  difference += '}';
  if (!changed) difference.resize(begun);
  return changed;
}

// Modifications a second of CPU.
double run_peer(std::size_t twins, std::size_t count) {
  simdjson::dom::parser parser;
  std::unordered_map<std::string, Node> table;
  std::string difference;
  for (std::size_t i = 0; i < twins; ++i) merge(table[id_of(i)], parser.parse(document(i)), difference);
  std::vector<std::string> reports;
  for (std::size_t i = 0; i < 1000; ++i) reports.push_back(report(i));
  std::size_t bytes = 0;
  const double cpu = cpu_seconds();
  for (std::size_t i = 0; i < count; ++i) {
    const std::string id = id_of(i * 7919 % twins);
    difference.clear();
    merge(table[id], parser.parse(reports[i % reports.size()]), difference);
    const std::string event = R"({"topic":")" + id + R"(","path":"/","value":)" + difference + "}";
    bytes += event.size();
  }
  const double took = cpu_seconds() - cpu;
  if (bytes == 0) give_up("the peer did nothing");
  return static_cast<double>(count) / took;
}

// ---- ours ----

store::TwinStoreLimits limits() {
  store::TwinStoreLimits limits;
  limits.memory_bytes = 4ULL << 30;
  return limits;
}

using Stepwise = std::function<bool()>;      // false when there is nothing left

// Runs steps, each followed by a commit; the next collects while one is being synced.
void run_committed(os::RealWorld& world, store::TwinStore& twins, const Stepwise& step) {
  bool over = false;
  std::size_t open = 0;
  std::function<void()> go = [&] {
    if (!over && !step()) over = true;
    ++open;
    twins.commit([&] {
      --open;
      if (!over) return go();
      if (open == 0) world.stop();
    });
  };
  world.loop().defer([&] {
    go();
    world.loop().defer([&] { world.loop().defer(go); });
  });
  world.run({});
}

void fill(os::RealWorld& world, store::TwinStore& twins, std::size_t count) {
  std::size_t made = 0;
  run_committed(world, twins, [&] {
    for (std::size_t n = 0; n < 2000 && made < count; ++n, ++made)
      must(twins.edit(id_of(made), {engine::TwinEdit::Kind::put, "", document(made)}));
    return made < count;
  });
}

struct Modify {
  double per_cpu_second = 0, per_second = 0, log_bytes = 0;
};

Modify run_modify(const std::string& dir, std::size_t twins, std::size_t count) {
  const auto world = must(os::RealWorld::create());
  auto store = must(store::TwinStore::open(*world, dir, "plant-1", limits()));
  fill(*world, *store, twins);
  std::vector<std::string> reports;
  for (std::size_t i = 0; i < 1000; ++i) reports.push_back(report(i));
  std::size_t bytes = 0;
  // Whoever listens gets the event as text.
  store->watch([&](const store::TwinEvent& event) {
    std::string text = R"({"topic":")";
    text.append(event.id).append(R"(","path":"/","value":)").append(event.change->difference).append("}");
    bytes += text.size();
  });
  std::size_t done = 0;
  const std::uint64_t log_before = store->stats().log_bytes;
  const double cpu = cpu_seconds(), wall = wall_seconds();
  run_committed(*world, *store, [&] {
    for (std::size_t n = 0; n < 1000 && done < count; ++n, ++done)
      must(store->edit(id_of(done * 7919 % twins),
                       {engine::TwinEdit::Kind::merge, "", reports[done % reports.size()]}));
    return done < count;
  });
  Modify result;
  result.per_cpu_second = static_cast<double>(count) / (cpu_seconds() - cpu);
  result.per_second = static_cast<double>(count) / (wall_seconds() - wall);
  result.log_bytes = static_cast<double>(store->stats().log_bytes - log_before) / static_cast<double>(count);
  if (bytes == 0) give_up("nothing changed");
  return result;
}

struct Many {
  double document_bytes = 0, fill_per_cpu_second = 0, filled_mb = 0, log_mb = 0;
  double reopen_cpu_s = 0, reopen_wall_s = 0, reopened_mb = 0;
  double index_ms = 0, eq_us = 0, eq_found = 0, scan_ms = 0, read_per_cpu_second = 0;
};

// In a process of its own, so that its memory is its own.
template <typename T>
T in_child(const std::function<T()>& work) {
  int ends[2];
  if (pipe(ends) != 0) give_up("pipe");
  const pid_t child = fork();
  if (child == 0) {
    const T result = work();
    if (write(ends[1], &result, sizeof result) != static_cast<ssize_t>(sizeof result)) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  T result{};
  const bool got = read(ends[0], &result, sizeof result) == static_cast<ssize_t>(sizeof result);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!got || status != 0) give_up("a part failed");
  return result;
}

Many run_fill(const std::string& dir, std::size_t count) {
  Many many;
  const auto world = must(os::RealWorld::create());
  auto store = must(store::TwinStore::open(*world, dir, "plant-1", limits()));
  const double cpu = cpu_seconds();
  fill(*world, *store, count);
  many.fill_per_cpu_second = static_cast<double>(count) / (cpu_seconds() - cpu);
  many.document_bytes = static_cast<double>(document(count / 2).size());
  many.filled_mb = resident_mb();
  many.log_mb = static_cast<double>(store->stats().log_bytes) / 1e6;
  return many;
}

Many run_reopen(const std::string& dir, std::size_t count) {
  Many many;
  const auto world = must(os::RealWorld::create());
  double cpu = cpu_seconds();
  const double wall = wall_seconds();
  auto store = must(store::TwinStore::open(*world, dir, "plant-1", limits()));
  many.reopen_cpu_s = cpu_seconds() - cpu;
  many.reopen_wall_s = wall_seconds() - wall;
  if (store->size() != count) give_up("twins are missing");
  many.reopened_mb = resident_mb();

  cpu = cpu_seconds();
  must(store->index("attributes/location"));
  many.index_ms = (cpu_seconds() - cpu) * 1e3;
  constexpr std::size_t searches = 200;
  cpu = cpu_seconds();
  std::size_t found = 0;
  for (std::size_t i = 0; i < searches; ++i) {
    const auto filter = must(engine::TwinFilter::parse("eq(attributes/location,\"hall-" + std::to_string(i * 37 % 10'000) + "\")"));
    found += must(store->search(filter, {}, {}, 200)).size();
  }
  many.eq_us = (cpu_seconds() - cpu) / searches * 1e6;
  many.eq_found = static_cast<double>(found) / searches;
  cpu = cpu_seconds();
  const auto filter = must(engine::TwinFilter::parse("and(gt(features/climate/properties/battery,98),like(attributes/serial,\"*7\"))"));
  if (!must(store->search(filter, {}, {}, 200)).empty()) give_up("found what is not there");
  many.scan_ms = (cpu_seconds() - cpu) * 1e3;
  constexpr std::size_t reads = 200'000;
  cpu = cpu_seconds();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < reads; ++i) {
    const std::string id = id_of(i * 7919 % count);
    bytes += must(store->find(id)->json(id, "")).size();
  }
  if (bytes == 0) give_up("nothing read");
  many.read_per_cpu_second = static_cast<double>(reads) / (cpu_seconds() - cpu);
  return many;
}

struct Options {
  std::string dir;
  std::size_t twins = 1'000'000;
  int rounds = 3;
  bool json = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--json") options.json = true;
    else if (arg == "--dir" && i + 1 < argc) options.dir = argv[++i];
    else if (arg == "--twins" && i + 1 < argc) options.twins = static_cast<std::size_t>(std::max(1000, std::atoi(argv[++i])));
    else if (arg == "--rounds" && i + 1 < argc) options.rounds = std::max(1, std::atoi(argv[++i]));
    else give_up("usage: twin_bench --dir DIR [--twins N] [--rounds N] [--json]");
  }
  if (options.dir.empty()) give_up("--dir is needed: a directory on the disk to measure");
  options.dir += "/twin_bench." + std::to_string(getpid());
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  base::log::set_level(base::log::Level::error);
  const std::size_t few = std::min<std::size_t>(options.twins, 100'000);
  const std::size_t count = few * 4;
  const auto clean = [&] { std::filesystem::remove_all(options.dir); };
  std::vector<double> peer, ours, ours_wall, log_bytes;
  for (int round = 0; round < options.rounds; ++round) {
    peer.push_back(in_child<double>([&] { return run_peer(few, count); }));
    clean();
    const Modify modify = in_child<Modify>([&] { return run_modify(options.dir, few, count); });
    ours.push_back(modify.per_cpu_second);
    ours_wall.push_back(modify.per_second);
    log_bytes.push_back(modify.log_bytes);
  }
  clean();
  const Many filled = in_child<Many>([&] { return run_fill(options.dir, options.twins); });
  const Many opened = in_child<Many>([&] { return run_reopen(options.dir, options.twins); });
  clean();
  const std::pair<const char*, double> rows[] = {
      {"modify_durable_per_cpu_s", median(ours)},
      {"modify_durable_per_s", median(ours_wall)},
      {"modify_peer_memory_only_per_cpu_s", median(peer)},
      {"modify_log_bytes", median(log_bytes)},
      {"twins", static_cast<double>(options.twins)},
      {"twin_json_bytes", filled.document_bytes},
      {"create_durable_per_cpu_s", filled.fill_per_cpu_second},
      {"filled_rss_mb", filled.filled_mb},
      {"log_mb", filled.log_mb},
      {"reopen_cpu_s", opened.reopen_cpu_s},
      {"reopen_wall_s", opened.reopen_wall_s},
      {"reopened_rss_mb", opened.reopened_mb},
      {"index_build_ms", opened.index_ms},
      {"eq_indexed_us", opened.eq_us},
      {"eq_indexed_found", opened.eq_found},
      {"scan_all_ms", opened.scan_ms},
      {"read_json_per_cpu_s", opened.read_per_cpu_second}};
  if (options.json) {
    base::JsonWriter json;
    json.begin_object();
    for (const auto& [name, value] : rows) json.field(name, value);
    std::printf("%s\n", json.end_object().text().c_str());
    return 0;
  }
  for (const auto& [name, value] : rows) std::printf("%-36s %14.2f\n", name, value);
  return 0;
}
