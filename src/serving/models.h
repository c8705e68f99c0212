// Models: the models a node has loaded, by name and version, and the way a request takes through them:
// bounded queue, pool thread, answer on the loop.
//
// A version is loaded on a pool thread: package read, model loaded, warmed up, golden examples checked;
// only then does it serve. Until that moment, and if any of it fails, the version before serves on.
// What is unloaded or replaced answers the requests it has and then goes. A request without a version
// goes to the newest that serves. engine/serving decides all this.
//
// Full: a queue beyond its bound refuses (Code::exhausted) or, for pictures of a source, drops the
// oldest; a model that would pass the memory budget is refused with what it needs and what there is.
// Without a model runtime every load fails with Code::unavailable and the reason; nothing else is
// touched. Belongs to the loop thread; no callback is called within the call that it was given to, and
// none after this has gone.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/time.h"
#include "engine/serving/serving.h"
#include "infer/pipeline.h"
#include "os/loop.h"

namespace selvedge::serving {

struct ModelsConfig {
  std::string runtime;                             // path of the library; "": looked for
  std::string cache;                               // folder for optimised forms; "": none
  std::uint64_t memory = std::uint64_t{256} << 20; // of all loaded models, as estimated
  std::size_t queue = 64;                          // requests waiting, each version
  std::size_t workers = 2;                         // frames at once
};

using ModelKey = engine::ServingKey;
using ModelState = engine::ServingState;           // loading, serving, failed, leaving

// How a package becomes a pipeline. Both are called on a pool thread, one load at a time.
struct ModelLoader {
  std::function<base::Result<infer::ModelPackage>(base::BytesView package)> read;
  std::function<base::Result<std::shared_ptr<const infer::Pipeline>>(const infer::ModelPackage&,
                                                                     const infer::SessionOptions&)> make;
};

struct LoadRequest {
  ModelKey key;
  // Called on a pool thread: the verified, and if it was sealed opened, bytes of the package.
  std::function<base::Result<base::Bytes>()> package;
  bool secret = false;                             // nothing of it may be written to disk
};

struct ModelStatus {
  ModelKey key;
  ModelState state = ModelState::loading;
  std::string reason;                              // of failed
  std::uint64_t memory = 0;                        // bytes, estimated
  std::uint64_t requests = 0, failures = 0;
  std::size_t waiting = 0, running = 0;
  base::Duration load_time{};
  bool secret = false;
};

// Of the model runtime: it is opened with the first model.
struct RuntimeStatus {
  enum class State : std::uint8_t { not_needed, available, absent } state = State::not_needed;
  std::string version, path;
  std::string reason;                              // of absent
};

// Where the time of a request went, for what has no stages of its own: all of it is `infer`.
struct Ran {
  ModelKey key;
  infer::Timings timings;
  base::Duration waited{};
};

class Models {
 public:
  using Loaded = std::function<void(base::Result<void>)>;
  using Answered = std::function<void(base::Result<infer::Answer>)>;
  using Computed = std::function<void(base::Result<std::vector<infer::Tensor>>)>;

  Models(os::Loop& loop, ModelsConfig config, base::Registry& metrics);
  Models(os::Loop& loop, ModelsConfig config, base::Registry& metrics, ModelLoader loader);
  ~Models();

  // `done` once, when the version serves or has failed. A version that serves already stays as it is.
  void load(LoadRequest request, Loaded done);
  // `done` when its last request has been answered.
  void unload(const ModelKey& key, std::function<void()> done);

  std::vector<ModelStatus> list() const;           // by name and version
  RuntimeStatus runtime() const;
  std::uint64_t memory() const;                    // of all versions
  const ModelsConfig& config() const;
  // The pipeline of a version that serves (0: the newest); Code::not_found, or unavailable while it loads.
  base::Result<std::shared_ptr<const infer::Pipeline>> find(std::string_view name,
                                                            std::uint64_t version = 0) const;
  base::Result<ModelKey> resolve(std::string_view name, std::uint64_t version = 0) const;

  using WhenFull = engine::AskVersion::WhenFull;   // refuse, drop_oldest
  struct Picture {
    std::string model;
    std::uint64_t version = 0;                     // 0: the newest
    base::Bytes file;                              // JPEG, PNG or BMP
    infer::RunOptions options;
    WhenFull when_full = WhenFull::refuse;
  };
  void look(Picture picture, Answered done);       // through the whole pipeline
  // Numbers in, numbers out, in the model's order.
  void compute(std::string model, std::uint64_t version, std::vector<infer::Tensor> inputs, Computed done);

  // What both are made of: `job` is called on a pool thread with the pipeline, and says how long it took.
  struct Work {
    std::string model;
    std::uint64_t version = 0;
    WhenFull when_full = WhenFull::refuse;
    std::function<base::Result<infer::Timings>(const infer::Pipeline&, const ModelKey&)> job;
  };
  void run(Work work, std::function<void(base::Result<Ran>)> done);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Nanoseconds of the monotonic clock, for jobs that measure themselves.
std::int64_t monotonic_ns();

}  // namespace selvedge::serving
