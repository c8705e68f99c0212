#include "inference/frames.h"

#include <atomic>
#include <thread>

namespace bench {

using selvedge::base::Result;
namespace infer = selvedge::infer;

namespace {

double of_nanoseconds(std::int64_t time) { return static_cast<double>(time) * 1e-9; }

Result<void> frame(const infer::Pipeline& pipeline, const Picture& picture, FrameRow& row) {
  const double wall = wall_clock(), cpu = thread_cpu();
  const infer::Answer answer = TRY(pipeline.run(picture.file));
  row.cpu.add(thread_cpu() - cpu);
  row.wall.add(wall_clock() - wall);
  row.decode.add(of_nanoseconds(answer.timings.decode));
  row.prepare.add(of_nanoseconds(answer.timings.prepare));
  row.infer.add(of_nanoseconds(answer.timings.infer));
  row.finish.add(of_nanoseconds(answer.timings.finish));
  row.found = answer.detections.size();
  return {};
}

struct Round {
  double rate = 0, cpu = 0, use = 0;
};

// Each worker takes frames until `frames` are done in all.
Result<Round> round_of(const infer::Pipeline& pipeline, const Picture& picture, int workers, int frames) {
  std::atomic<int> left = frames;
  std::atomic<bool> failed = false;
  const double wall = wall_clock(), cpu = process_cpu();
  const auto work = [&] {
    while (left.fetch_sub(1) > 0)
      if (!pipeline.run(picture.file)) failed = true;
  };
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < workers; ++i) others.emplace_back(work);
    work();
  }
  const double took = wall_clock() - wall, used = process_cpu() - cpu;
  if (failed) TRY(pipeline.run(picture.file));     // says why
  return Round{frames / took, used / frames, used / (took * workers)};
}

}  // namespace

Result<std::vector<FrameRow>> measure_frames(const Material& material, const Pipelines& pipelines) {
  std::vector<FrameRow> rows;
  for (const Picture& picture : material.pictures)
    for (const auto& [name, pipeline] : pipelines.all) {
      FrameRow& row = rows.emplace_back();
      FrameRow unused;
      for (int i = 0; i < 3; ++i) TRY(frame(*pipeline, picture, unused));
      row.picture = picture.name, row.model = name;
    }
  for (int round = 0; round < material.plan.rounds; ++round) {
    std::size_t at = 0;
    for (const Picture& picture : material.pictures)
      for (const auto& [name, pipeline] : pipelines.all) {
        FrameRow& row = rows[at++];
        const double began = wall_clock();
        for (int i = 0; i < material.plan.frames; ++i) TRY(frame(*pipeline, picture, row));
        row.best_rate = std::max(row.best_rate, material.plan.frames / (wall_clock() - began));
      }
  }
  return rows;
}

Result<std::vector<WorkerRow>> measure_workers(const Material& material, const Pipelines& pipelines) {
  std::vector<WorkerRow> rows;
  const Picture& picture = material.pictures.front();
  const int frames = material.plan.frames * 4;
  for (const auto& [name, pipeline] : pipelines.all) {
    WorkerRow& row = rows.emplace_back();
    row.model = name;
    TRY(round_of(*pipeline, picture, 2, 8));
    for (int round = 0; round < material.plan.rounds; ++round) {
      const Round one = TRY(round_of(*pipeline, picture, 1, frames));
      const Round two = TRY(round_of(*pipeline, picture, 2, frames));
      row.one_rate.add(one.rate), row.two_rate.add(two.rate);
      row.one_cpu.add(one.cpu), row.two_cpu.add(two.cpu);
      row.ratio.add(two.rate / one.rate);
      row.use.add(two.use);
      constexpr double undisturbed = 0.96;
      if (one.use > undisturbed && two.use > undisturbed) row.idle_ratio.add(two.rate / one.rate);
    }
  }
  return rows;
}

}  // namespace bench
