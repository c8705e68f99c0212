// What the store costs: the segment log against a raw file with one write and one fdatasync a group, the
// journal and the sealing of the reading store, and how long a full log takes to open.
//
//   store_bench --dir DIR [--rounds N] [--json]
//
// Rows are measured in turn, round by round, and the medians printed; records are random bytes, as
// compressed blocks are.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/json.h"
#include "base/log.h"
#include "os/world.h"
#include "store/reading_store.h"
#include "store/segment_log.h"

using namespace selvedge;

namespace {

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.empty() ? 0 : v[v.size() / 2];
}

base::Bytes random_bytes(std::size_t count) {
  base::Bytes bytes(count);
  std::uint64_t state = 1;
  for (std::uint8_t& b : bytes) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    b = static_cast<std::uint8_t>(state >> 56);
  }
  return bytes;
}

[[noreturn]] void give_up(std::string_view what) {
  std::fprintf(stderr, "store_bench: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

template <typename T>
T must(base::Result<T> result) {
  if (!result) give_up(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Run {
  double mb_per_second = 0;
  double cpu_us_per_record = 0;
  double written_per_payload = 0;
};

struct Row {
  std::size_t record = 0, group = 0, count = 0;
  std::vector<Run> raw, log;
};

std::uint64_t files_size(const std::string& dir) {
  std::uint64_t size = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir))
    if (entry.is_regular_file()) size += entry.file_size();
  return size;
}

Run finish(const Row& row, double wall, double cpu, const std::string& dir) {
  const double payload = static_cast<double>(row.record * row.count);
  return {payload / wall / 1e6, cpu * 1e6 / static_cast<double>(row.count),
          static_cast<double>(files_size(dir)) / payload};
}

// The best that a crash-safe log can do: length, number and checksum before each record.
Run run_raw(const Row& row, const std::string& dir, const base::Bytes& pool) {
  std::filesystem::create_directories(dir);
  const int fd = ::open((dir + "/raw").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_TRUNC, 0644);
  if (fd < 0) give_up("cannot create the raw file");
  base::Bytes buffer;
  const double wall = wall_seconds();
  const double cpu = cpu_seconds();
  for (std::size_t i = 0; i < row.count; i += row.group) {
    buffer.clear();
    for (std::size_t j = i; j < std::min(row.count, i + row.group); ++j) {
      const base::BytesView record(pool.data() + j % 63 * row.record, row.record);
      const std::uint32_t head[4] = {static_cast<std::uint32_t>(row.record),
                                     static_cast<std::uint32_t>(j), base::crc32c(record), 0};
      const auto* const bytes = reinterpret_cast<const std::uint8_t*>(head);
      buffer.insert(buffer.end(), bytes, bytes + sizeof head);
      base::append(buffer, record);
    }
    if (::write(fd, buffer.data(), buffer.size()) != static_cast<ssize_t>(buffer.size()) ||
        ::fdatasync(fd) != 0)
      give_up("cannot write the raw file");
  }
  const Run run = finish(row, wall_seconds() - wall, cpu_seconds() - cpu, dir);
  ::close(fd);
  return run;
}

// The same groups through the log: the next one collects while the one before is being synced.
Run run_log(const Row& row, const std::string& dir, const base::Bytes& pool) {
  const auto world = must(os::RealWorld::create());
  store::LogLimits limits;
  limits.total_bytes = 16ULL << 30;
  limits.keep_free_bytes = 0;
  auto log = must(store::SegmentLog::open(must(world->directory(dir, true)), world->loop(), 1,
                                          limits, {}));
  std::size_t next = 0, durable = 0;
  double wall = 0, cpu = 0;
  std::function<void()> group = [&] {
    const std::size_t end = std::min(row.count, next + row.group);
    if (next == end) return;
    for (; next < end; ++next)
      must(log->append(1, base::BytesView(pool.data() + next % 63 * row.record, row.record)));
    log->commit([&, end] {
      durable = end;
      if (durable < row.count) return group();
      wall = wall_seconds() - wall;
      cpu = cpu_seconds() - cpu;
      world->stop();
    });
  };
  world->loop().defer([&] {
    wall = wall_seconds();
    cpu = cpu_seconds();
    group();
    // Once the first is under way.
    world->loop().defer([&] { world->loop().defer(group); });
  });
  world->run({});
  log.reset();
  return finish(row, wall, cpu, dir);
}

struct Ingest {
  std::size_t per_message = 0;
  std::vector<double> ns;         // CPU of the loop thread a reading, sealing included
  std::vector<double> durable;    // readings a second, durable, wall time
  double bytes_per_reading = 0;   // of frames
};

double thread_cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// Temperatures of 100 series, one reading a second and series; a commit every 2000 readings.
void run_ingest(Ingest& ingest, const std::string& dir) {
  constexpr std::size_t total = 2'000'000, series_count = 100, per_commit = 2000;
  const auto world = must(os::RealWorld::create());
  store::StoreLimits limits;
  limits.memory_bytes = 16 << 20;
  limits.keep_free_bytes = 0;
  limits.block_readings = 1000;
  limits.block_age = std::chrono::hours(1);
  auto readings = must(store::ReadingStore::open(*world, dir, limits));
  std::vector<model::SeriesId> ids;
  for (std::size_t i = 0; i < series_count; ++i)
    ids.push_back(must(readings->series("line/" + std::to_string(i) + "/temperature",
                                        model::Kind::float64, "bench")));
  // Values are made before, so that only the store is measured.
  std::vector<double> values(10'000);
  std::uint64_t state = 7;
  std::int64_t level = 200;
  for (double& v : values) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    level += static_cast<std::int64_t>(state >> 62) - 1 - (level > 260 ? 1 : 0) + (level < 150 ? 1 : 0);
    v = static_cast<double>(level) / 10;
  }
  std::size_t done = 0;
  double cpu = 0, wall = 0;
  std::uint64_t key = 1;
  std::function<void()> batch = [&] {
    if (done == total) {
      wall = wall_seconds() - wall;
      world->stop();
      return;
    }
    const double begun = thread_cpu_seconds();
    for (std::size_t i = 0; i < per_commit; i += ingest.per_message) {
      for (std::size_t j = 0; j < ingest.per_message; ++j, ++done) {
        const std::int64_t time = (1'760'000'000 + static_cast<std::int64_t>(done / series_count)) *
                                  1'000'000'000;
        must(readings->add(ids[done % series_count], {time},
                           model::ValueView::of(values[done / 7 % values.size()])));
      }
      must(readings->end_message(key++));
    }
    readings->commit(batch);
    cpu += thread_cpu_seconds() - begun;
  };
  world->loop().defer([&] {
    wall = wall_seconds();
    batch();
  });
  world->run({});
  ingest.ns.push_back(cpu / static_cast<double>(total) * 1e9);
  ingest.durable.push_back(static_cast<double>(total) / wall);
  const store::StoreStats stats = readings->stats();
  ingest.bytes_per_reading =
      static_cast<double>(stats.frame_bytes) / static_cast<double>(stats.readings_sealed);
}

// Seconds that a log of `bytes` takes to open without and with a replay.
std::pair<double, double> time_open(const std::string& dir, std::uint64_t bytes,
                                    const base::Bytes& pool) {
  Row row;
  row.record = 4096;
  row.group = 256;
  row.count = static_cast<std::size_t>(bytes / row.record);
  run_log(row, dir, pool);
  const auto world = must(os::RealWorld::create());
  const auto open = [&](const store::SegmentLog::Replay& replay) {
    store::LogLimits limits;
    limits.total_bytes = 16ULL << 30;
    const double begun = wall_seconds();
    must(store::SegmentLog::open(must(world->directory(dir, false)), world->loop(), 1, limits,
                                 replay));
    return wall_seconds() - begun;
  };
  const double quick = open({});
  return {quick, open([](const store::Record&) -> base::Result<void> { return {}; })};
}

struct Options {
  std::string dir;
  int rounds = 15;
  bool json = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--json") options.json = true;
    else if (arg == "--dir" && i + 1 < argc) options.dir = argv[++i];
    else if (arg == "--rounds" && i + 1 < argc) options.rounds = std::max(1, std::atoi(argv[++i]));
    else give_up("usage: store_bench --dir DIR [--rounds N] [--json]");
  }
  if (options.dir.empty()) give_up("--dir is needed: a directory on the disk to measure");
  options.dir += "/store_bench." + std::to_string(getpid());
  return options;
}

double of(const std::vector<Run>& runs, double Run::*what) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(run.*what);
  return median(values);
}

void print(const Options& options, const std::vector<Row>& rows, const std::vector<Ingest>& ingests,
           std::pair<double, double> opened) {
  if (options.json) {
    base::JsonWriter json;
    json.begin_object().key("log").begin_array();
    for (const Row& row : rows) {
      const double raw = of(row.raw, &Run::mb_per_second), log = of(row.log, &Run::mb_per_second);
      json.begin_object()
          .field("record_bytes", std::uint64_t{row.record})
          .field("group", std::uint64_t{row.group})
          .field("raw_mb_s", raw)
          .field("log_mb_s", log)
          .field("ratio", log / raw)
          .field("raw_cpu_us", of(row.raw, &Run::cpu_us_per_record))
          .field("log_cpu_us", of(row.log, &Run::cpu_us_per_record))
          .field("written_per_payload", of(row.log, &Run::written_per_payload))
          .end_object();
    }
    json.end_array().key("ingest").begin_array();
    for (const Ingest& ingest : ingests)
      json.begin_object()
          .field("readings_per_message", std::uint64_t{ingest.per_message})
          .field("cpu_ns_per_reading", median(ingest.ns))
          .field("durable_readings_s", median(ingest.durable))
          .field("frame_bytes_per_reading", ingest.bytes_per_reading)
          .end_object();
    json.end_array();
    json.field("open_1gb_s", opened.first).field("replay_1gb_s", opened.second).end_object();
    std::printf("%s\n", json.text().c_str());
    return;
  }
  std::printf("%-16s %10s %10s %7s %10s %10s %9s\n", "record x group", "raw MB/s", "log MB/s",
              "ratio", "raw us/rec", "log us/rec", "written");
  for (const Row& row : rows) {
    const double raw = of(row.raw, &Run::mb_per_second), log = of(row.log, &Run::mb_per_second);
    std::printf("%6zu KB x %-5zu %10.2f %10.2f %6.0f%% %10.1f %10.1f %9.3f\n", row.record >> 10,
                row.group, raw, log, log / raw * 100, of(row.raw, &Run::cpu_us_per_record),
                of(row.log, &Run::cpu_us_per_record), of(row.log, &Run::written_per_payload));
  }
  for (const Ingest& ingest : ingests)
    std::printf("ingest, %3zu a message: %6.0f ns a reading, %9.0f durable readings/s, %.2f bytes a "
                "reading in blocks\n",
                ingest.per_message, median(ingest.ns), median(ingest.durable),
                ingest.bytes_per_reading);
  std::printf("open 1 GB: %.3f s, with replay %.3f s\n", opened.first, opened.second);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  base::log::set_level(base::log::Level::error);
  const base::Bytes pool = random_bytes(64 * (64 << 10));
  std::vector<Row> rows;
  for (const std::size_t record : {4 << 10, 16 << 10, 64 << 10})
    for (const std::size_t group : {1, 16}) {
      Row row;
      row.record = record;
      row.group = group;
      row.count = group == 1 ? 60 : std::min<std::size_t>(960, (48 << 20) / record);
      rows.push_back(row);
    }
  std::vector<Ingest> ingests(2);
  ingests[0].per_message = 100;
  ingests[1].per_message = 1;
  const auto clean = [&] { std::filesystem::remove_all(options.dir); };
  for (int round = 0; round < options.rounds; ++round) {
    for (Row& row : rows) {
      clean();
      row.raw.push_back(run_raw(row, options.dir, pool));
      clean();
      row.log.push_back(run_log(row, options.dir, pool));
    }
    if (round >= 5) continue;  // CPU time needs fewer rounds than a shared disk
    for (Ingest& ingest : ingests) {
      clean();
      run_ingest(ingest, options.dir);
    }
  }
  clean();
  const auto opened = time_open(options.dir, 1ULL << 30, pool);
  clean();
  print(options, rows, ingests, opened);
  return 0;
}
