// TaskLogs: what a task wrote, from its node, for an operator who knows no node's address: asked for in commands on the
// connection that the node has to the cloud (node/task_log_link.h), and passed on as the body of an HTTP answer.
//
// One question is on the way for each reader, and none while the reader does not take what came. A node whose connection
// is lost ends the body with a line that says so. At most `most` readers. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/http/http.h"
#include "things/command.h"

namespace selvedge::cloud {

struct TaskLogWish {
  std::string node, task;
  std::int64_t tail = 100;
  bool follow = false;
};

class TaskLogs {
 public:
  static constexpr long most = 64;

  explicit TaskLogs(things::SendCommand send) : send_(std::move(send)) {}
  void answer(const TaskLogWish& wish, net::http::Respond respond);

 private:
  things::SendCommand send_;
  std::shared_ptr<void> slot_ = std::make_shared<int>(0);   // one more holds it for each reader
};

}  // namespace selvedge::cloud
