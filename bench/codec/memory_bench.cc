// What readings cost in memory: the open column of the store, and the same sealed into frames of 4,096,
// beside a plain vector of structs and a map of objects, in one run.
//
//   memory_bench [--readings N] [--rounds N] [--json]
//
// The series is a random walk by hundredths on a timer of a second with a jitter of two milliseconds.
// Memory is what operator new was asked for and has not been given back; times are CPU time of the
// thread, medians of rounds in which every row is visited in turn.

#include <time.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "codec/series/frame.h"
#include "store/column.h"

namespace {

std::size_t live_bytes = 0, allocations = 0;

// The size is kept in front of what is handed out.
void* allocate(std::size_t size) {
  constexpr std::size_t head = alignof(std::max_align_t);
  auto* const memory = static_cast<std::byte*>(std::malloc(size + head));
  if (memory == nullptr) std::abort();
  *reinterpret_cast<std::size_t*>(memory) = size;
  live_bytes += size;
  ++allocations;
  return memory + head;
}
void give_back(void* memory) {
  if (memory == nullptr) return;
  auto* const start = static_cast<std::byte*>(memory) - alignof(std::max_align_t);
  live_bytes -= *reinterpret_cast<std::size_t*>(start);
  std::free(start);
}

}  // namespace

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }

using namespace selvedge;

namespace {

struct Reading {
  std::int64_t time;
  double value;
};
using Readings = std::vector<Reading>;

[[noreturn]] void give_up(std::string_view what) {
  std::fprintf(stderr, "memory_bench: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

Readings random_walk(std::size_t count) {
  std::mt19937_64 random(3);
  std::int64_t level = 2000;
  Readings readings(count);
  for (std::size_t i = 0; i < count; ++i) {
    level += static_cast<std::int64_t>(random() % 3) - 1;
    const auto jitter = static_cast<std::int64_t>(random() % 5) - 2;
    readings[i] = {1'760'000'000'000'000'000 + (static_cast<std::int64_t>(i) * 1000 + jitter) * 1'000'000,
                   static_cast<double>(level) / 100};
  }
  return readings;
}

double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v.empty() ? 0 : v[v.size() / 2];
}

// Holds readings somehow. What is kept between rounds is warm: pools, scratch memory.
class Keeper {
 public:
  virtual ~Keeper() = default;
  virtual void take(const Readings& readings) = 0;
  virtual std::size_t bytes() const = 0;   // that the readings take
  virtual void drop() = 0;
};

class Structs final : public Keeper {
 public:
  void take(const Readings& readings) override {
    kept_.reserve(readings.size());
    for (const Reading& r : readings) kept_.push_back(r);
  }
  std::size_t bytes() const override { return kept_.capacity() * sizeof(Reading); }
  void drop() override { Readings().swap(kept_); }

 private:
  Readings kept_;
};

// As one writes it first: an object on the heap for each reading, with the series' name in it.
class Objects final : public Keeper {
 public:
  void take(const Readings& readings) override {
    const std::size_t before = live_bytes;
    for (const Reading& r : readings)
      kept_.emplace(r.time, std::make_unique<Object>("line/1/temperature", r.time, r.value));
    bytes_ = live_bytes - before;
  }
  std::size_t bytes() const override { return bytes_; }
  void drop() override { kept_.clear(); }

 private:
  struct Object {
    std::string series;
    std::int64_t time;
    double value;
    Object(std::string_view name, std::int64_t at, double v) : series(name), time(at), value(v) {}
  };
  std::multimap<std::int64_t, std::unique_ptr<Object>> kept_;
  std::size_t bytes_ = 0;
};

class Open final : public Keeper {
 public:
  void take(const Readings& readings) override {
    for (const Reading& r : readings) column_.push(pool_, r.time, std::bit_cast<std::uint64_t>(r.value), {});
  }
  std::size_t bytes() const override { return pool_.in_use(); }
  void drop() override { column_.clear(pool_); }

 private:
  store::ChunkPool pool_{1ULL << 40};
  store::Column column_;
};

class Sealed final : public Keeper {
 public:
  void take(const Readings& readings) override {
    for (const Reading& r : readings) {
      column_.push(pool_, r.time, std::bit_cast<std::uint64_t>(r.value), {});
      if (column_.size() == 4096) seal();
    }
  }
  std::size_t bytes() const override {
    std::size_t bytes = pool_.in_use();
    for (const base::Bytes& frame : frames_) bytes += frame.capacity() + sizeof frame;
    return bytes;
  }
  void drop() override {
    column_.clear(pool_);
    frames_.clear();
  }

 private:
  void seal() {
    column_.copy_to(scratch_, model::Kind::float64);
    coded_.clear();
    if (!codec::encode_frame(scratch_, coded_)) give_up("a block cannot be encoded");
    frames_.emplace_back(coded_.begin(), coded_.end());
    column_.clear(pool_);
  }

  store::ChunkPool pool_{1ULL << 40};
  store::Column column_;
  codec::Columns scratch_;
  base::Bytes coded_;
  std::vector<base::Bytes> frames_;
};

struct Row {
  std::string_view name;
  std::unique_ptr<Keeper> keeper;
  std::size_t bytes = 0;
  double allocations = 0;                  // a reading, when warm
  std::vector<double> ns = {};
};

void print(const std::vector<Row>& rows, std::size_t readings, bool json) {
  const auto each = [&](const Row& row) { return static_cast<double>(row.bytes) / static_cast<double>(readings); };
  if (!json) {
    std::printf("%-16s %12s %10s %12s %12s\n", "held as", "B/reading", "MB", "ns/reading", "allocs");
    for (const Row& row : rows)
      std::printf("%-16.*s %12.3f %10.3f %12.1f %12.5f\n", static_cast<int>(row.name.size()), row.name.data(),
                  each(row), static_cast<double>(row.bytes) / 1e6, median(row.ns), row.allocations);
    return;
  }
  base::JsonWriter out;
  out.begin_object().field("readings", std::uint64_t{readings}).key("rows").begin_array();
  for (const Row& row : rows)
    out.begin_object()
        .field("held_as", row.name)
        .field("bytes_per_reading", each(row))
        .field("bytes", std::uint64_t{row.bytes})
        .field("append_ns", median(row.ns))
        .field("allocations_per_reading", row.allocations)
        .end_object();
  out.end_array().end_object();
  std::printf("%s\n", out.text().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = 100'000;
  int rounds = 11;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view arg = argv[i];
    if (arg == "--json") json = true;
    else if (arg == "--readings" && i + 1 < argc) count = std::clamp(std::atoi(argv[++i]), 1, 10'000'000);
    else if (arg == "--rounds" && i + 1 < argc) rounds = std::max(1, std::atoi(argv[++i]));
    else give_up("usage: memory_bench [--readings N] [--rounds N] [--json]");
  }
  const Readings readings = random_walk(count);
  std::vector<Row> rows;
  rows.push_back({"struct vector", std::make_unique<Structs>()});
  rows.push_back({"map of objects", std::make_unique<Objects>()});
  rows.push_back({"open column", std::make_unique<Open>()});
  rows.push_back({"sealed blocks", std::make_unique<Sealed>()});
  for (int round = 0; round <= rounds; ++round)
    for (Row& row : rows) {
      const std::size_t before = allocations;
      const double begun = thread_seconds();
      row.keeper->take(readings);
      const double seconds = thread_seconds() - begun;
      row.bytes = row.keeper->bytes();
      row.allocations = static_cast<double>(allocations - before) / static_cast<double>(count);
      if (round > 0) row.ns.push_back(seconds / static_cast<double>(count) * 1e9);  // the first warms up
      row.keeper->drop();
    }
  print(rows, count, json);
  return 0;
}
