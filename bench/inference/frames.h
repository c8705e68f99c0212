// Frames: pictures through the whole pipeline, from the bytes of a JPEG to boxes: what a frame takes,
// stage by stage, and what a second worker brings.

#pragma once

#include "inference/material.h"
#include "inference/timing.h"
#include "infer/pipeline.h"

namespace bench {

struct FrameRow {
  std::string picture, model;
  Times wall, cpu;                                 // of each frame
  Times decode, prepare, infer, finish;
  std::size_t found = 0;                           // boxes
  double best_rate = 0;                            // frames a second of wall time, best round
};

// One worker and two on the same pipeline, rounds in turn.
struct WorkerRow {
  std::string model;
  Times one_rate, two_rate;                        // frames a second of wall time, of each round
  Times one_cpu, two_cpu;                          // CPU seconds a frame, of each round
  Times ratio;                                     // of neighbouring rounds, wall
  Times use;                                       // of the cores' time that two workers had for themselves
  Times idle_ratio;                                // ratios of rounds in which nobody else took their cores
};

struct Pipelines {
  std::vector<std::pair<std::string, std::shared_ptr<selvedge::infer::Pipeline>>> all;
};

selvedge::base::Result<std::vector<FrameRow>> measure_frames(const Material& material, const Pipelines& pipelines);
selvedge::base::Result<std::vector<WorkerRow>> measure_workers(const Material& material, const Pipelines& pipelines);

}  // namespace bench
