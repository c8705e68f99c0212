// A task's log as the body of an HTTP answer: the last lines, then each that comes. A client that does not
// keep up misses lines, and is told how many. The body ends when the log does. Belongs to the loop thread.

#pragma once

#include <memory>

#include "net/http/http.h"
#include "node/task_log.h"

namespace selvedge::node {

// `slot` is kept as long as the stream lasts.
void stream_task_log(TaskLog& log, std::size_t lines, std::shared_ptr<void> slot,
                     std::shared_ptr<net::http::BodyWriter> writer);

}  // namespace selvedge::node
