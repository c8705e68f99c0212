// How fast the block store commits, as the receiver drives it: groups of batches up to 8 MiB, each
// durable before the next.
//
//   block_store_bench [readings a block] [blocks] [nodes] [series a node] [folder]

#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "cloud/sample_batches.h"
#include "cloud/sqlite_writer.h"

namespace {

using namespace selvedge;

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A sensor with noise in its last digits: full doubles do not compress, so 500 of them are 4 KB.
base::Bytes noisy_frame(std::uint64_t seq, std::uint64_t readings, std::mt19937_64& random) {
  codec::Columns columns;
  for (std::uint64_t i = 0; i < readings; ++i) {
    const auto time = cloud::day_one.ns + static_cast<std::int64_t>(seq * readings + i) * 1'000'000;
    columns.push({time}, model::ValueView::of(std::ldexp(static_cast<double>(random()), -50)));
  }
  base::Bytes frame;
  CHECK(codec::encode_frame(columns, frame).has_value());
  return frame;
}

std::uint64_t argument(int argc, char** argv, int at, std::uint64_t otherwise) {
  return argc > at ? std::strtoull(argv[at], nullptr, 10) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  constexpr std::uint64_t batch_bytes = 64 << 10, group_bytes = 8 << 20;
  const std::uint64_t readings = argument(argc, argv, 1, 500);
  const std::uint64_t blocks = argument(argc, argv, 2, 100'000);
  const std::uint64_t nodes = argument(argc, argv, 3, 100);
  const std::uint64_t series = argument(argc, argv, 4, 20);
  const cloud::TemporaryFolder folder(argc > 5 ? argv[5] : "");
  cloud::SqliteWriter writer = cloud::SqliteWriter::open(folder.file("cloud.db")).value();

  std::mt19937_64 random(1);
  std::vector<std::uint64_t> seqs(nodes);
  std::uint64_t stored = 0, bytes = 0;
  double wall = 0, cpu = 0, slowest = 0;
  while (stored < blocks) {
    std::vector<cloud::Incoming> group;
    for (std::uint64_t group_size = 0; group_size < group_bytes;) {
      const std::uint64_t node = random() % nodes;
      cloud::SampleBatch batch(node + 1);
      if (seqs[node] == 0) {
        for (std::uint32_t s = 0; s < series; ++s) batch.series(s, "series/" + std::to_string(s));
      }
      for (std::uint64_t size = 0; size < batch_bytes;) {
        base::Bytes frame = noisy_frame(seqs[node], readings, random);
        size += frame.size();
        batch.block(++seqs[node], static_cast<std::uint32_t>(random() % series), std::move(frame));
      }
      group.push_back(batch.from("node-" + std::to_string(node)));
      group_size += group.back().payload.size();
    }
    const double wall_before = wall_seconds(), cpu_before = cpu_seconds();
    const auto done = writer.commit(group);
    const double took = wall_seconds() - wall_before;
    cpu += cpu_seconds() - cpu_before;
    wall += took;
    slowest = std::max(slowest, took);
    CHECK(done.has_value());
    for (const cloud::Committed& committed : *done) {
      CHECK(!committed.refused);
      stored += committed.blocks;
      bytes += committed.frame_bytes;
    }
  }
  const auto count = static_cast<double>(stored);
  const auto file = static_cast<double>(std::filesystem::file_size(folder.file("cloud.db")));
  std::printf(
      "%.0f blocks of %.0f bytes, %llu readings each: %.0f blocks/s, %.2f M readings/s, "
      "%.0f MB/s, CPU %.1f us a block, slowest commit %.0f ms, %.0f bytes a block on disk\n",
      count, static_cast<double>(bytes) / count, static_cast<unsigned long long>(readings),
      count / wall, count * static_cast<double>(readings) / wall / 1e6,
      static_cast<double>(bytes) / wall / 1e6, cpu / count * 1e6, slowest * 1e3, file / count);
  return 0;
}
