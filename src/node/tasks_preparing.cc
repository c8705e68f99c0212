// From a task that is wished to a folder in which it can start.

#include <utility>

#include "base/log.h"
#include "node/task_preparing.h"

namespace selvedge::node {

using base::Code;
using base::Result;
using engine::TaskOutcome;

namespace {

TaskOutcome outcome_of(Code code) {
  switch (code) {
    case Code::invalid_input:
    case Code::denied: return TaskOutcome::impossible;
    case Code::conflict:                           // another version of it is being fetched
    case Code::unavailable: return TaskOutcome::unavailable;
    default: return TaskOutcome::failed;
  }
}

// Why a task of this kind cannot run here; "" if it can.
std::string no_such_kind(const model::Task& task) {
  switch (task.kind) {
    case model::TaskKind::process: return {};
    case model::TaskKind::container:
      return "kind container: this node runs processes only; unpack the image into an artifact and run its program";
    case model::TaskKind::model:
      return "kind model: this node serves models that its twin wishes for (features/models), and feeds none by a task";
  }
  return "a kind that this node does not know";
}

}  // namespace

void Tasks::State::prepare(const engine::TaskPrepare& asked) {
  auto one = std::make_shared<Preparing>();
  one->name = asked.name;
  one->id = asked.preparation;
  one->task = asked.task;
  one->most = asked.task->resources.disk > 0 ? static_cast<std::uint64_t>(asked.task->resources.disk) : config.folder;
  preparing[{one->name, one->id}] = one;
  if (std::string why = no_such_kind(*one->task); !why.empty()) return prepared(one, TaskOutcome::impossible, std::move(why));
  // The folder itself, for tasks without artifacts.
  auto made = std::make_shared<Result<void>>();
  world.loop().work(
      lane(one->name),
      [&w = world, path = task_place(place.root, one->name, one->id), made] {
        if (const auto opened = w.directory(path, true); !opened) *made = std::unexpected(opened.error());
      },
      [weak = weak_from_this(), one, made] {
        const auto self = weak.lock();
        if (!self) return;
        if (*made) self->next_artifact(one);
        else self->prepared(one, TaskOutcome::failed, made->error().message);
      });
}

void Tasks::State::next_artifact(const std::shared_ptr<Preparing>& one) {
  if (one->abandoned) return;
  if (one->next == one->task->artifacts.size()) {
    artifacts.release(one->name, one->task->artifacts);            // those of an earlier value only
    return prepared(one, TaskOutcome::done, {});
  }
  const model::TaskArtifact& what = one->task->artifacts[one->next];
  artifacts.acquire(one->name, what, [weak = weak_from_this(), one](const Result<TaskArtifacts::Reader>& reader) {
    const auto self = weak.lock();
    if (!self || one->abandoned) return;
    if (reader) return self->unpack(one, *reader);
    const std::string name = one->task->artifacts[one->next].name;
    self->prepared(one, outcome_of(reader.error().code), "artifact " + name + ": " + reader.error().message);
  });
}

void Tasks::State::unpack(const std::shared_ptr<Preparing>& one, TaskArtifacts::Reader reader) {
  struct Job {
    std::uint64_t used = 0;
    Result<void> outcome;
  };
  auto job = std::make_shared<Job>();
  job->used = one->used;
  const model::TaskArtifact& what = one->task->artifacts[one->next];
  world.loop().work(
      lane(one->name),
      [&w = world, folder = task_place(place.root, one->name, one->id), path = what.path, most = one->most, reader, job] {
        job->outcome = unpack_artifact(w, folder, path, *reader, most, job->used);
      },
      [weak = weak_from_this(), one, reader, job] {
        const auto self = weak.lock();
        if (!self || one->abandoned) return;
        one->used = job->used;
        if (job->outcome) {
          ++one->next;
          return self->next_artifact(one);
        }
        const base::Error& why = job->outcome.error();
        // Damaged on this disk is one thing, an archive that nobody can read another; a chunk tells.
        if (why.code == Code::corrupt) self->artifacts.damaged(*reader);
        const bool never = why.code == Code::exhausted || why.code == Code::invalid_input;
        self->prepared(one, never ? TaskOutcome::impossible : TaskOutcome::failed,
                       "artifact " + one->task->artifacts[one->next].name + ": " + why.message);
      });
}

void Tasks::State::prepared(const std::shared_ptr<Preparing>& one, TaskOutcome outcome, std::string reason) {
  preparing.erase({one->name, one->id});
  if (outcome != TaskOutcome::done) base::log::warn("tasks", "cannot be made ready", {{"task", one->name}, {"why", reason}});
  feed(engine::TaskPrepared{one->name, one->id, outcome, std::move(reason)});
}

void Tasks::State::abandon(const engine::TaskAbandon& asked) {
  if (const auto at = preparing.find({asked.name, asked.preparation}); at != preparing.end()) {
    at->second->abandoned = true;
    preparing.erase(at);
  }
  world.loop().work(
      lane(asked.name),
      [&w = world, root = place.root, name = asked.name, id = asked.preparation] {
        base::ignore(remove_place(w, root, name, id), "the next start of the node removes it");
      },
      [] {});
}

}  // namespace selvedge::node
