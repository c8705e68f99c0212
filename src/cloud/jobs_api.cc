#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cloud/jobs_state.h"
#include "codec/task/task.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using net::api::Caller;
using net::api::Right;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::string_view root = "/api/v1/jobs", below = "/api/v1/jobs/*";

Response problem(Code code, std::string why) { return Response::problem({code, std::move(why)}); }

// "/api/v1/jobs/NAME/explain": NAME and what follows it.
std::pair<std::string, std::string> parts(const Request& request) {
  std::string rest = request.path.substr(root.size());
  if (rest.starts_with('/')) rest.erase(0, 1);
  const std::size_t slash = rest.find('/');
  if (slash == std::string::npos) return {rest, {}};
  return {rest.substr(0, slash), rest.substr(slash + 1)};
}

bool flag(const Request& request, std::string_view name) { return request.parameter(name).value_or("") == "true"; }

constexpr std::uint64_t longest_generation = 999'999'999;

// A wish has to find room in a twin, or no node could ever hear of it.
Result<void> check_sizes(const model::Job& job, std::size_t most) {
  // Members of a twin that begin so are not tasks.
  if (job.name.starts_with('_')) return base::fail(Code::invalid_input, "name: '" + job.name + "' begins with '_'");
  for (const model::TaskGroup& group : job.groups) {
    engine::Twin twin;
    model::Task task = group.task;                 // as the longest of its wishes
    task.name = job.name + "." + group.name + "." + std::to_string(group.count);
    task.generation = longest_generation;
    const std::string wish = codec::task::write_task(task);
    const auto fits = twin.edit({engine::TwinEdit::Kind::put, "/features/tasks/desiredProperties/t", wish}, {1, 1}, {});
    if (fits && wish.size() <= most) continue;
    return base::fail(Code::invalid_input, "groups[" + std::to_string(&group - job.groups.data()) + "].task: it does not fit into a node's twin: " +
                                               (fits ? "it has more than " + std::to_string(most) + " bytes as JSON" : fits.error().message));
  }
  return {};
}

}  // namespace

void Jobs::add_routes(net::http::Server& server, JobsAccess access) {
  state_->access = std::move(access);
  if (state_->access.send) state_->logs.emplace(state_->access.send);
  const auto route = [&](std::string_view method, std::string_view path, Right right, auto function) {
    server.route(method, path,
                 net::api::require(state_->access.identify, right,
                                   [weak = std::weak_ptr(state_), function](const Caller& who, const Request& request, const Respond& respond) {
                                     const auto self = weak.lock();
                                     if (!self) return respond(problem(Code::unavailable, "the cloud stops"));
                                     function(*self, who, request, respond);
                                   }));
  };
  route("GET", root, Right::view, [](State& s, const Caller&, const Request&, const Respond& respond) {
    respond(Response::json(s.jobs_json()));
  });
  route("GET", "/api/v1/tasks", Right::view, [](State& s, const Caller&, const Request& request, const Respond& respond) {
    respond(Response::json(s.tasks_json(request.parameter("node").value_or(""), request.parameter("job").value_or(""))));
  });
  route("GET", "/api/v1/tasks/*", Right::view, [](State& s, const Caller&, const Request& request, const Respond& respond) {
    s.get_log(request, respond);
  });
  route("GET", below, Right::view, [](State& s, const Caller&, const Request& request, const Respond& respond) {
    s.get_job(request, respond);
  });
  route("PUT", below, Right::operate, [](State& s, const Caller& who, const Request& request, const Respond& respond) {
    s.put_job(who, request, respond);
  });
  route("DELETE", below, Right::operate, [](State& s, const Caller& who, const Request& request, const Respond& respond) {
    s.delete_job(who, request, respond);
  });
}

void Jobs::State::get_job(const Request& request, const Respond& respond) {
  const auto [name, rest] = parts(request);
  if (book.record(name) == nullptr) return respond(problem(Code::not_found, "there is no job '" + base::printable(name, 80) + "'"));
  if (rest.empty()) return respond(Response::json(job_json(name)));
  if (rest != "explain") return respond(problem(Code::not_found, "expected /api/v1/jobs/NAME or /api/v1/jobs/NAME/explain"));
  const auto nodes_shown = base::parse_int(request.parameter("nodes").value_or("10"));
  if (!nodes_shown || *nodes_shown < 0 || *nodes_shown > 1'000)
    return respond(problem(Code::invalid_input, "nodes: expected a number up to 1000"));
  const auto why = explain_json(name, request.parameter("group").value_or(""), static_cast<std::size_t>(*nodes_shown));
  respond(why ? Response::json(*why) : Response::problem(why.error()));
}

void Jobs::State::get_log(const Request& request, const Respond& respond) {
  constexpr std::string_view tasks = "/api/v1/tasks/", end = "/logs";
  if (!request.path.ends_with(end) || request.path.size() <= tasks.size() + end.size())
    return respond(problem(Code::not_found, "expected /api/v1/tasks/NAME/logs"));
  TaskLogWish wish;
  wish.task = request.path.substr(tasks.size(), request.path.size() - tasks.size() - end.size());
  const auto tail = base::parse_int(request.parameter("tail").value_or("100"));
  if (!tail || *tail < 0 || *tail > 10'000) return respond(problem(Code::invalid_input, "tail: expected a number from 0 to 10000"));
  wish.tail = *tail;
  wish.follow = flag(request, "follow");
  wish.node = request.parameter("node").value_or("");
  const auto key = engine::member_of(wish.task);
  const auto member = key ? book.member(*key) : std::nullopt;
  if (wish.node.empty()) {
    if (!member) return respond(problem(Code::not_found, "there is no task '" + base::printable(wish.task, 100) + "'"));
    wish.node = member->node;
    if (wish.node.empty()) return respond(problem(Code::not_found, "task " + wish.task + " is on no node"));
  }
  if (!model::is_twin_id(model::twin_id(wish.node, model::node_twin_name)))
    return respond(problem(Code::invalid_input, "node: '" + base::printable(wish.node, 80) + "' is no name"));
  if (!logs) return respond(problem(Code::unavailable, "this cloud asks no nodes"));
  logs->answer(wish, respond);
}

void Jobs::State::put_job(const Caller& who, const Request& request, const Respond& respond) {
  const auto [name, rest] = parts(request);
  if (!rest.empty()) return respond(problem(Code::not_found, "expected /api/v1/jobs/NAME"));
  auto job = codec::task::parse_job(request.body);
  if (!job) return respond(Response::problem(job.error()));
  if (job->name != name)
    return respond(problem(Code::invalid_input, "name: the document says '" + job->name + "', the path '" + base::printable(name, 80) + "'"));
  job->generation = 0;                             // the book's to say
  if (const auto fits = check_sizes(*job, settings.twin_bytes / 5); !fits) return respond(Response::problem(fits.error()));
  if (flag(request, "plan")) {
    const auto plan = plan_json(*job);
    return respond(plan ? Response::json(*plan) : Response::problem(plan.error()));
  }
  const engine::JobRecord* const known = book.record(name);
  access.audit_first(
      who, {"job.submit", name, known != nullptr ? codec::task::write_job(known->now.job) : "", codec::task::write_job(*job)},
      [weak = weak_from_this(), job = std::move(*job), respond](const Result<void>& recorded) {
        const auto self = weak.lock();
        if (!recorded) return respond(Response::problem(recorded.error()));
        if (!self) return respond(problem(Code::unavailable, "the cloud stops"));
        if (const auto taken = self->step(engine::JobWished{job}); !taken) return respond(Response::problem(taken.error()));
        self->when_saved([weak, name = job.name, respond](const Result<void>& saved) {
          const auto state = weak.lock();
          const engine::JobRecord* const record = state ? state->book.record(name) : nullptr;
          if (!saved) return respond(Response::problem(saved.error()));
          base::JsonWriter json;
          json.begin_object().field("name", name).field("generation", record != nullptr ? record->now.job.generation : 0).end_object();
          respond(Response::json(json.take()));
        });
      });
}

void Jobs::State::delete_job(const Caller& who, const Request& request, const Respond& respond) {
  const auto [name, rest] = parts(request);
  if (!rest.empty()) return respond(problem(Code::not_found, "expected /api/v1/jobs/NAME"));
  if (book.record(name) == nullptr) return respond(problem(Code::not_found, "there is no job '" + base::printable(name, 80) + "'"));
  const bool forget = flag(request, "forget");
  access.audit_first(who, {forget ? "job.forget" : "job.stop", name, "", ""},
                     [weak = weak_from_this(), name = name, forget, respond](const Result<void>& recorded) {
                       const auto self = weak.lock();
                       if (!recorded) return respond(Response::problem(recorded.error()));
                       if (!self) return respond(problem(Code::unavailable, "the cloud stops"));
                       const auto done = forget ? self->step(engine::JobForgotten{name}) : self->step(engine::JobStopped{name});
                       if (!done) return respond(Response::problem(done.error()));
                       self->when_saved([respond](const Result<void>& saved) {
                         if (!saved) return respond(Response::problem(saved.error()));
                         Response answer;
                         answer.status = 204;
                         respond(std::move(answer));
                       });
                     });
}

bool Jobs::schedule(const Caller& who, std::string_view node, std::string_view word, const Respond& respond) {
  const auto wished = word == "drain"    ? std::optional(Scheduling::draining)
                      : word == "cordon" ? std::optional(Scheduling::cordoned)
                                         : parse_scheduling(word);
  if (!wished || word == "draining" || word == "cordoned") return false;
  state_->schedule(who, std::string(node), *wished, respond);
  return true;
}

// A wish like all else: it stands in the node's twin.
void Jobs::State::schedule(const Caller& who, const std::string& node, Scheduling wished, const Respond& respond) {
  const std::string id = model::twin_id(node, model::node_twin_name);
  const engine::Twin* const twin = twins.find(id);
  if (twin == nullptr)
    return respond(problem(Code::not_found, "node '" + base::printable(node, 80) + "' has no twin: it was never connected"));
  access.audit_first(
      who, {"node.schedule", node, std::string(name(read_scheduling(*twin))), std::string(name(wished))},
      [weak = weak_from_this(), node, id, wished, respond](const Result<void>& recorded) {
        const auto self = weak.lock();
        if (!recorded) return respond(Response::problem(recorded.error()));
        if (!self) return respond(problem(Code::unavailable, "the cloud stops"));
        const std::string value = "\"" + std::string(name(wished)) + "\"";
        const auto edited = self->twins.edit(id, {engine::TwinEdit::Kind::put, "/attributes/scheduling", value}, {.revision = {}, .exists = true});
        if (!edited) return respond(Response::problem(edited.error()));
        self->twins.commit([respond, node, wished] {
          base::JsonWriter json;
          json.begin_object().field("name", node).field("scheduling", name(wished)).end_object();
          respond(Response::json(json.take()));
        });
      });
}

}  // namespace selvedge::cloud
