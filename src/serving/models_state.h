// Models::State, private to the .cc files of Models:
//   models.cc          requests: queue, pool thread, answer
//   models_loading.cc  versions: read, made, tried, gone

#pragma once

#include <deque>
#include <map>

#include "serving/instruments.h"
#include "serving/models.h"

namespace selvedge::serving {

struct Models::State : std::enable_shared_from_this<Models::State> {
  State(os::Loop& l, ModelsConfig c, base::Registry& registry, ModelLoader how);

  using RunDone = std::function<void(base::Result<Ran>)>;
  struct Pending {
    std::string model;
    std::function<base::Result<infer::Timings>(const infer::Pipeline&, const ModelKey&)> job;
    RunDone done;
  };
  struct Version {
    LoadRequest request;
    std::shared_ptr<infer::ModelPackage> package = nullptr;  // read, not yet made
    std::uint64_t estimate = 0;
    std::shared_ptr<const infer::Pipeline> pipeline = nullptr;
    base::Instant began{};
    base::Duration load_time{};
  };

  // Steps the engine and carries out what it says.
  void step(const engine::ServingInput& input);
  void operator()(const engine::ReadVersion& out);
  void operator()(const engine::MakeVersion& out);
  void operator()(const engine::LoadEnded& out);
  void operator()(const engine::VersionGone& out);
  void operator()(const engine::UnloadEnded& out);
  void operator()(const engine::RunRequest& out);
  void operator()(const engine::RefuseRequest& out);

  void make_metrics(base::Registry& registry);
  void later(std::function<void()> what);          // in this turn of the loop, if we are still here then
  void let_go(std::shared_ptr<const infer::Pipeline> pipeline);

  os::Loop& loop;
  ModelsConfig config;
  ModelLoader loader;
  engine::Serving serving;
  Instruments instruments;
  std::map<ModelKey, Version> versions;
  std::map<ModelKey, std::deque<Models::Loaded>> loads;
  std::map<ModelKey, std::deque<std::function<void()>>> unloads;
  std::map<std::uint64_t, Pending> pending;        // requests
  std::uint64_t last_request = 0;
  // Belongs to the lane of loads; `runtime` is what it was when the last of them ended.
  std::shared_ptr<RuntimeStatus> runtime_there = std::make_shared<RuntimeStatus>();
  RuntimeStatus runtime;
};

// Makes pipelines with the runtime's library, which is opened at the first call; `status` is told.
ModelLoader runtime_loader(std::string library, std::shared_ptr<RuntimeStatus> status);

}  // namespace selvedge::serving
