// TaskArtifacts: the artifacts that tasks of this node need, fetched, verified and held as long as a task needs them,
// also over restarts without a link.
//
// Of one name only one version is fetched at a time; the next waits for it. What is whole here is not asked for again,
// but its signatures are checked anew. What the node's twin wishes for by itself stays when the last task goes. Belongs
// to the loop thread.

#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "model/task.h"
#include "node/fetcher.h"

namespace selvedge::node {

struct TaskArtifactsHost {
  std::function<base::Result<engine::TrustedManifest>(std::string_view envelope, const engine::ArtifactAsk& ask)> check;
  // The node's twin wishes for it, as an artifact or a model.
  std::function<bool(std::string_view name)> is_wished;
};

class TaskArtifacts {
 public:
  TaskArtifacts(Fetcher& fetcher, store::ArtifactStore& store, TaskArtifactsHost host);
  ~TaskArtifacts();

  // `done` is not called within this call. Until release() it is held for `user`.
  using Reader = std::shared_ptr<store::ArtifactReader>;
  using Done = std::function<void(base::Result<Reader>)>;
  void acquire(const std::string& user, const model::TaskArtifact& what, Done done);
  // What a task had held and is not in `kept`.
  void release(const std::string& user, const std::vector<model::TaskArtifact>& kept = {});
  void damaged(const store::ArtifactReader& reader);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace selvedge::node
