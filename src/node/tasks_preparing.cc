// From a task that is wished to a folder in which it can start.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "node/task_preparing.h"
#include "os/process.h"

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
      if (std::ranges::find(task.artifacts, task.image, &model::TaskArtifact::name) != task.artifacts.end()) return {};
      return "kind container: image " + task.image + " is none of its artifacts";
    case model::TaskKind::model:
      if (task.mode == model::TaskMode::service) return {};
      return "kind model: it answers until it is not wished for any more, which is mode service";
  }
  return "a kind that this node does not know";
}

// Of a container: the root beside the folder of the task, out of its reach.
Result<void> unpack_image_of(os::World& world, const model::Task& task, const std::string& folder, const std::string& place,
                             store::ArtifactReader& reader, std::uint64_t most, std::uint64_t& used) {
  // The user of tasks passes through it.
  const std::size_t slash = folder.rfind('/');
  const auto above = TRY(world.directory(folder.substr(0, slash), true));
  const auto dir = TRY(above->public_subdir(folder.substr(slash + 1)));
  const auto root = TRY(world.root_tree(folder + "/root"));
  base::Bytes chunk;
  std::uint64_t held = UINT64_MAX;
  const std::uint64_t chunk_bytes = reader.plain_chunk();
  ImageSource source;
  source.size = reader.plain_size();
  source.read = [&](std::uint64_t at, std::size_t count) -> Result<base::BytesView> {
    if (at >= reader.plain_size()) return base::BytesView();
    if (at / chunk_bytes != held) {
      chunk.clear();
      TRY(reader.read(at / chunk_bytes, chunk));
      held = at / chunk_bytes;
    }
    const base::BytesView rest = base::BytesView(chunk).subspan(std::min<std::uint64_t>(at % chunk_bytes, chunk.size()));
    return rest.first(std::min(count, rest.size()));
  };
  const codec::OciConfig config = TRY(unpack_image(*root, source, codec::oci_architecture(os::machine().arch), most, used));
  TRY(make_image_places(*root, task, config, place));
  return write_image_run(*dir, image_run(config));
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
    if (reader && one->task->kind == model::TaskKind::model) {     // it is loaded from where it is
      ++one->next;
      return self->next_artifact(one);
    }
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
  const bool is_image = one->task->kind == model::TaskKind::container && what.name == one->task->image;
  world.loop().work(
      lane(one->name),
      [&w = world, folder = task_place(place.root, one->name, one->id), image = task_image_folder(place.root, one->name, one->id),
       within = task_place(place.absolute, one->name, one->id), is_image, path = what.path, most = one->most, what = one->task, reader, job] {
        if (is_image) job->outcome = unpack_image_of(w, *what, image, within, *reader, most, job->used);
        else job->outcome = unpack_artifact(w, folder, path, *reader, most, job->used);
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
