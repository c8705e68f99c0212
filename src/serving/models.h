// Models: the models a node has loaded, by name and version, and the way a request takes through them:
// bounded queue, pool thread, answer on the loop.
//
// A version is loaded on a pool thread: package read, model loaded, warmed up, golden examples checked;
// only then does it serve. Until that moment, and if any of it fails, the version before serves on.
// What is unloaded or replaced answers the requests it has and then goes. A request without a version
// goes to the newest that serves.
//
// Full: a queue beyond its bound refuses (Code::exhausted) or, for pictures of a source, drops the
// oldest; a model that would pass the memory budget is refused with what it needs and what there is.
// Without a model runtime every load fails with Code::unavailable and the reason; nothing else is
// touched. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/time.h"
#include "infer/pipeline.h"
#include "os/loop.h"

namespace selvedge::serving {

struct ModelsConfig {
  std::string runtime;                             // path of the library; "": looked for
  std::string cache;                               // folder for optimised forms; "": none
  std::uint64_t memory = std::uint64_t{256} << 20; // of all loaded models, as estimated
  std::size_t queue = 64;                          // requests waiting, each model
  std::size_t workers = 2;                         // frames at once
};

struct ModelKey {
  std::string name;
  std::uint64_t version = 0;

  friend auto operator<=>(const ModelKey&, const ModelKey&) = default;
};

struct LoadRequest {
  ModelKey key;
  // Called on a pool thread: the verified, and if it was sealed opened, bytes of the package.
  std::function<base::Result<base::Bytes>()> package;
  bool secret = false;                             // nothing of it may be written to disk
};

enum class ModelState : std::uint8_t { loading, serving, failed, leaving };

struct ModelStatus {
  ModelKey key;
  ModelState state = ModelState::loading;
  std::string reason;                              // of failed
  std::uint64_t memory = 0;                        // bytes, estimated
  std::uint64_t requests = 0, failures = 0;
  base::Duration load_time{};
};

class Models {
 public:
  using Loaded = std::function<void(base::Result<void>)>;
  using Answered = std::function<void(base::Result<infer::Answer>)>;
  using Computed = std::function<void(base::Result<std::vector<infer::Tensor>>)>;

  Models(os::Loop& loop, ModelsConfig config, base::Registry& metrics);
  ~Models();

  // `done` once, when the version serves or has failed. A version that serves already: at once.
  void load(LoadRequest request, Loaded done);
  // `done` when its last request has been answered.
  void unload(const ModelKey& key, std::function<void()> done);

  std::vector<ModelStatus> list() const;
  // The pipeline of a version that serves (0: the newest); Code::not_found, or unavailable while it loads.
  base::Result<std::shared_ptr<const infer::Pipeline>> find(std::string_view name,
                                                            std::uint64_t version = 0) const;

  enum class WhenFull : std::uint8_t { refuse, drop_oldest };
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

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace selvedge::serving
