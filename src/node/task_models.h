// TaskModels: runs of tasks of kind model: the node's own service answers with a model as long as such a task runs.
//
// To a TaskRun it is a child like a program. It starts when its model serves (the artifact of that name and version among
// the task's, or, without one, what serves under that name anyway), and ends when it is asked to, or when the model
// serves no longer; the last task that uses a version takes it along. It ends with the node's program. What is written to
// it are lines of feeds, and its output are lines of answers (docs/spec/task.md, section 5): at most most_asked are
// answered at once, and what comes beyond is refused until one was.
//
// A model that the node's twin wishes for by itself is left to that. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "model/task.h"
#include "node/held_models.h"
#include "os/child.h"

namespace selvedge::node {

class TaskModels {
 public:
  static constexpr std::size_t most_asked = 4, most_series = 1'000;

  // `held` outlives every run. `is_wished`: the node's twin wishes for a model of that name.
  TaskModels(os::Loop& loop, HeldModels& held, std::function<bool(const std::string& name)> is_wished);
  ~TaskModels();

  std::unique_ptr<os::Child> serve(const model::Task& task, os::ChildEvents& events);
  // A task that runs brought it.
  bool uses(std::string_view name) const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace selvedge::node
