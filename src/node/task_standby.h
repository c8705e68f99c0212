// TaskStandby: the artifacts of tasks that this node does not run but may have to, here before they are needed.
//
// One after the other for each task; what could not be had is tried again every half minute. Held as long as the task is
// wanted. Belongs to the loop thread.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/task_artifacts.h"
#include "os/world.h"

namespace selvedge::node {

class TaskStandby {
 public:
  // `artifacts` must outlive it. `ready`: of one more task everything is here.
  TaskStandby(os::World& world, TaskArtifacts& artifacts, std::function<void()> ready);
  ~TaskStandby();

  void want(const std::vector<model::Task>& tasks);
  // Everything that it needs is here.
  bool ready(const model::Task& task) const;

 private:
  struct Entry {
    std::vector<model::TaskArtifact> artifacts;
    std::size_t here = 0;
    bool busy = false;
  };
  void next(const std::string& task);

  os::World& world_;
  TaskArtifacts& artifacts_;
  std::function<void()> ready_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
  os::TimerId timer_ = os::TimerId::none;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::node
