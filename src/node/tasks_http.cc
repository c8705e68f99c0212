// Tasks over HTTP: docs/reference/http.md.

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "codec/task/task.h"
#include "node/task_log_stream.h"
#include "node/tasks_state.h"

namespace selvedge::node {

using base::Code;
using base::fail;
using base::Result;
using net::api::Caller;
using net::api::Right;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::string_view list_path = "/api/v1/tasks", root = "/api/v1/tasks/", any = "/api/v1/tasks/*";
constexpr std::int64_t default_tail = 100, most_tail = 10'000;
constexpr long most_log_streams = 32;

struct Path {
  std::string task, part;                          // "", "logs", "restart", "retry"
};
Path path_of(const Request& request) {
  const std::string rest = request.path.substr(std::min(root.size(), request.path.size()));
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  return {rest.substr(0, slash), slash < rest.size() ? rest.substr(slash + 1) : std::string()};
}

Response no_task(const std::string& name) {
  return Response::problem({Code::not_found, "there is no task '" + base::printable(name, 100) + "' on this node"});
}
Response no_path() { return Response::problem({Code::not_found, "expected /api/v1/tasks/NAME, .../logs, .../restart or .../retry"}); }

}  // namespace

std::string Tasks::State::task_json(const std::string& name, const model::TaskStatus& status) const {
  base::JsonWriter json;
  json.begin_object().field("name", name);
  for (const auto& member : codec::task::status_members(status))
    if (!member.json.empty()) json.key(member.name).raw(member.json);
  for (const auto& [key, run] : runs) {
    if (key.first != name || !run->is_running()) continue;
    const os::ChildUsage usage = run->usage();
    json.field("cpu_seconds", std::chrono::duration<double>(usage.cpu).count())
        .field("memory_bytes", usage.memory)
        .field("memory_peak_bytes", usage.memory_peak)
        .field("unread_lines", run->unread());
  }
  if (const auto log = logs.find(name); log != logs.end()) json.field("lost_log_lines", log->second->lost());
  if (const auto wish = wished.find(name); wish != wished.end()) json.key("wish").raw(wish->second);
  return json.end_object().take();
}

std::optional<model::TaskStatus> Tasks::State::status_of(const std::string& name) const {
  std::optional<model::TaskStatus> its;
  supervisor.each([&](const std::string& other, const model::TaskStatus& status) {
    if (other == name) its = status;
  });
  return its;
}

std::string Tasks::State::list_json() const {
  base::JsonWriter json;
  json.begin_array();
  supervisor.each([&](const std::string& name, const model::TaskStatus& status) { json.raw(task_json(name, status)); });
  return json.end_array().take();
}

Result<void> Tasks::State::restart(const std::string& name) {
  TaskRun* const run = running(name);
  if (run == nullptr) return fail(Code::conflict, "task " + name + " does not run; retry starts what waits or failed");
  if (run->file().task.mode != model::TaskMode::service)
    return fail(Code::conflict, "task " + name + " is a job: it runs to its end");
  restarting.insert(name);
  run->term();
  world.loop().after(run->file().task.stop_grace, [weak = std::weak_ptr(runs.at({name, run->number()}))] {
    if (const auto late = weak.lock()) late->kill("killed: it did not end when it was to be restarted");
  });
  return {};
}

void Tasks::State::send_log(const std::string& name, const Request& request, const Respond& respond) {
  std::int64_t lines = default_tail;
  if (const auto text = request.parameter("tail")) {
    const auto number = base::parse_int(*text);
    if (!number || *number < 0 || *number > most_tail)
      return respond(Response::problem({Code::invalid_input, "tail: expected a number from 0 to " + std::to_string(most_tail)}));
    lines = *number;
  }
  const auto follow = request.parameter("follow");
  if (follow && *follow != "true" && *follow != "false")
    return respond(Response::problem({Code::invalid_input, "follow: expected true or false"}));
  const auto log = log_of(name, logs.contains(name) ? logs.at(name)->bytes() : model::Task{}.log);
  if (!follow || *follow == "false")
    return log->tail(static_cast<std::size_t>(lines), [respond, log](const Result<std::string>& text) {
      respond(text ? Response::text(*text) : Response::problem(text.error()));
    });
  if (log_slot.use_count() > most_log_streams) {
    Response full = Response::problem({Code::exhausted, std::to_string(most_log_streams) + " logs are followed already"});
    full.headers.emplace_back("Retry-After", "5");
    return respond(std::move(full));
  }
  Response response = Response::text("");
  response.headers.emplace_back("Cache-Control", "no-store");
  response.stream = [log, lines, slot = log_slot](std::shared_ptr<net::http::BodyWriter> writer) {
    stream_task_log(*log, static_cast<std::size_t>(lines), slot, std::move(writer));
  };
  respond(std::move(response));
}

std::shared_ptr<TaskLog> Tasks::log(const std::string& task) {
  if (!state_->status_of(task)) return nullptr;
  const auto known = state_->logs.find(task);
  return state_->log_of(task, known != state_->logs.end() ? known->second->bytes() : model::Task{}.log);
}

void Tasks::add_routes(net::http::Server& server, const net::api::Identify& identify, net::api::Audit audit) {
  State* const s = state_.get();                   // lives as long as the server
  server.route("GET", list_path, net::api::require(identify, Right::view, [s](const Caller&, const Request&, const Respond& respond) {
                 respond(Response::json(s->list_json()));
               }));
  server.route("GET", any, net::api::require(identify, Right::view, [s](const Caller&, const Request& request, const Respond& respond) {
                 const Path path = path_of(request);
                 const auto status = s->status_of(path.task);
                 if (!status) return respond(no_task(path.task));
                 if (path.part.empty()) return respond(Response::json(s->task_json(path.task, *status)));
                 if (path.part == "logs") return s->send_log(path.task, request, respond);
                 respond(no_path());
               }));
  server.route("POST", any,
               net::api::require(identify, Right::operate,
                                 [s, audit = std::move(audit)](const Caller& caller, const Request& request, const Respond& respond) {
                                   const Path path = path_of(request);
                                   if (path.part != "restart" && path.part != "retry") return respond(no_path());
                                   const auto status = s->status_of(path.task);
                                   if (!status) return respond(no_task(path.task));
                                   if (path.part == "restart") {
                                     const auto done = s->restart(path.task);
                                     if (!done) return respond(Response::problem(done.error()));
                                   } else {
                                     s->feed(engine::TaskRetry{path.task});
                                   }
                                   if (audit) audit(caller, {"task." + path.part, path.task, "", ""});
                                   respond(Response::json("{}", 202));
                                 }));
}

}  // namespace selvedge::node
