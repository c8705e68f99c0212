// The models of a node: the service itself, its paths, and what may be loaded by hand.

#include "base/version.h"
#include "model/twin.h"
#include "node/reconcile_models.h"
#include "node/state.h"
#include "serving/model_routes.h"

namespace selvedge::node {

using base::Code;
using base::Result;

Result<void> Node::State::open_models() {
  serving::ModelsConfig to;
  to.runtime = config.models_runtime;
  to.memory = config.models_memory.bytes;
  to.queue = config.models_queue;
  to.workers = config.models_workers;
  if (config.models_cache) {
    to.cache = config.state + "/models";
    TRY(base::while_doing("open models", world.directory(to.cache, true)));
  }
  models = std::make_unique<serving::Models>(world.loop(), std::move(to), metrics, config.model_loader);
  held_models = std::make_unique<HeldModels>(
      world.loop(), artifacts->store(),
      [this](std::string_view envelope, const engine::ArtifactAsk& ask) { return artifacts->trust().check(envelope, ask); },
      *models);
  return {};
}

void Node::State::restore_models() {
  const engine::Twin* twin = twins->store().find(model::twin_id(name(), model::node_twin_name));
  const auto saved = read_reconcile_file(world, config.state);
  if (twin != nullptr && saved) model_wishes->restore(*twin, good_wishes(*saved, "model"));
}

// What runs by a wish goes with the wish only.
void Node::State::unload_by_hand(const std::string& name, const std::function<void(Result<void>)>& done) {
  if (model_wishes != nullptr && model_wishes->is_wished(name))
    return done(base::fail(Code::conflict, "model " + name + " is wished for by the node's twin: remove the wish"));
  if (task_models != nullptr && task_models->uses(name))
    return done(base::fail(Code::conflict, "model " + name + " is what a task runs: stop the task"));
  auto left = std::make_shared<std::size_t>(0);
  for (const serving::ModelStatus& status : models->list()) {
    if (status.key.name != name) continue;
    ++*left;
    models->unload(status.key, [left, done] {
      if (--*left == 0) done({});
    });
  }
  if (*left == 0) done(base::fail(Code::not_found, "there is no model " + name));
}

void Node::State::load_by_hand(const std::string& name, const std::function<void(Result<void>)>& done) {
  const std::uint64_t version = held_models->newest(name);
  if (version == 0) return done(base::fail(Code::not_found, "no model of the name " + name + " is held on this node"));
  held_models->load(name, version, HeldModels::Older::refuse, [done](const Result<model::Sha256>& loaded) {
    done(loaded ? Result<void>() : Result<void>(std::unexpected(loaded.error())));
  });
}

void Node::State::add_model_routes() {
  inference = std::make_unique<serving::InferenceApi>(serving::InferenceApi{
      .models = *models,
      .identify = api->identify,
      .audit = api->audit,
      .server = "selvedge-node",
      .version = std::string(base::version),
      .ready = [this] { return ready(); },
      .load = [this](const std::string& name, const serving::InferenceApi::Done& done) { load_by_hand(name, done); },
      .unload = [this](const std::string& name, const serving::InferenceApi::Done& done) { unload_by_hand(name, done); }});
  serving::add_inference_routes(*http, *inference);
  serving::add_model_routes(*http, *models, api->identify);
}

}  // namespace selvedge::node
