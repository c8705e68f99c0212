#include "node/task_run.h"

#include <csignal>
#include <utility>

#include "os/world.h"

namespace selvedge::node {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t soon_read = 64 << 10;        // bytes that the child is given ahead
constexpr int most_adoptions = 20;
constexpr base::Duration adopt_again = std::chrono::milliseconds(500);

Result<void> read_secrets(os::World& world, const TaskPlace& place, const model::Task& task, os::ChildOptions& options) {
  if (task.secrets.empty()) return {};
  if (place.secrets.empty()) return fail(Code::invalid_input, "this node has no secrets (tasks.secrets)");
  const auto dir = TRY(base::while_doing("secrets", world.directory(place.secrets, false)));
  for (const auto& [variable, name] : task.secrets) {
    const std::string step = "secret " + name;
    if (!TRY(base::while_doing(step, dir->is_private(name))))
      return fail(Code::invalid_input, step + ": others than its owner may read it (mode 0600 is needed)");
    const base::Bytes bytes = TRY(base::while_doing(step, os::read_file(*dir, name, os::ChildOptions::most_secret)));
    options.secrets[variable] = std::string(base::as_text(bytes));
  }
  return {};
}

Result<void> read_image(os::World& world, const TaskPlace& place, const TaskRunFile& file, ImageRun& run) {
  const auto dir = TRY(world.directory(task_image_folder(place.root, file.name, file.preparation), false));
  run = TRY(read_image_run(*dir));
  return {};
}

}  // namespace

os::ChildOptions task_options(const TaskPlace& place, const TaskRunFile& file, const std::vector<std::string>& command,
                              const ImageRun* image) {
  const model::Task& task = file.task;
  os::ChildOptions options;
  if (!command.empty()) {                          // of kind model it is
    options.program = command.front();
    if (options.program.starts_with("./")) options.program.erase(0, 2);
    options.arguments.assign(command.begin() + 1, command.end());
  }
  options.folder = task_place(place.absolute, file.name, file.preparation);
  options.environment = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LANG", "C.UTF-8"}};
  if (image != nullptr)
    for (const auto& [name, value] : image->environment) options.environment[name] = value;
  options.environment["HOME"] = options.folder;
  options.environment["SELVEDGE_NODE"] = place.node;
  options.environment["SELVEDGE_TASK"] = file.name;
  for (const auto& [name, value] : task.environment) options.environment[name] = value;
  os::ChildSandbox sandbox;
  sandbox.network = task.sandbox.network == model::TaskSandbox::Network::host ? os::ChildSandbox::Network::host
                                                                               : os::ChildSandbox::Network::none;
  sandbox.read_only = task.sandbox.read_only;
  sandbox.writable = task.sandbox.writable;
  sandbox.devices = task.sandbox.devices;
  sandbox.hidden = {place.state};
  if (!place.secrets.empty()) sandbox.hidden.push_back(place.secrets);
  sandbox.tmp = task.sandbox.tmp;
  sandbox.without = place.without_sandbox;
  if (image != nullptr) {
    sandbox.root = task_image_folder(place.absolute, file.name, file.preparation) + "/root";
    sandbox.work = image->folder;
  }
  options.sandbox = std::move(sandbox);
  options.limits.memory = task.resources.memory;
  options.limits.cpu = task.resources.cpu;
  options.limits.disk = task.resources.disk;
  options.limits.processes = task.sandbox.processes;
  options.user = place.user;
  return options;
}

TaskRun::TaskRun(os::World& world, const TaskPlace& place, TaskRunFile file, std::shared_ptr<TaskLog> log,
                 std::uint32_t lane, TaskRunHost& host)
    : world_(world), place_(place), file_(std::move(file)), log_(std::move(log)), lane_(lane), host_(host),
      options_(std::make_shared<os::ChildOptions>()) {
  if (file_.task.kind == model::TaskKind::container) image_ = std::make_shared<ImageRun>();
  complete();
}

void TaskRun::complete() {
  auto secrets = std::move(options_->secrets);
  std::vector<std::string> command = file_.task.command;
  if (image_)
    if (auto whole = image_command(*image_, file_.task)) command = std::move(*whole);
  *options_ = task_options(place_, file_, command, image_.get());
  options_->secrets = std::move(secrets);
  if (!file_.task.feeds.empty()) options_->input = os::ChildOptions::Input::pipe;
  options_->group = place_.group + "/" + file_.name;
  options_->run = task_run_folder(place_.absolute, file_.name, file_.run);
}

void TaskRun::start() {
  auto outcome = std::make_shared<Result<void>>();
  world_.loop().work(
      lane_,
      [&world = world_, &place = place_, file = file_, options = options_, image = image_, outcome] {
        *outcome = read_secrets(world, place, file.task, *options);
        if (*outcome && image) *outcome = read_image(world, place, file, *image);
        if (*outcome && image)
          if (const auto command = image_command(*image, file.task); !command) *outcome = std::unexpected(command.error());
        if (*outcome) *outcome = write_run_file(world, place.root, file);
      },
      [weak = weak_from_this(), outcome] {
        if (const auto self = weak.lock()) self->spawn(*outcome);
      });
}

void TaskRun::spawn(const Result<void>& written) {
  if (!written) {
    const Code code = written.error().code;
    const bool again = code == Code::exhausted || code == Code::unavailable || code == Code::internal;
    return host_.run_failed(*this, again ? TaskRunHost::Again::later : TaskRunHost::Again::yes, written.error().message);
  }
  if (unwanted_) return host_.run_failed(*this, TaskRunHost::Again::yes, "it was withdrawn");
  if (image_) complete();
  log_->line("node", "run " + std::to_string(file_.run) + " starts");
  child_ = file_.task.kind == model::TaskKind::model ? host_.serve(file_.task, *this) : world_.spawn(*options_, *this);
}

void TaskRun::adopt() {
  adopted_ = true;
  // It ended with the program before us, and begins anew.
  if (file_.task.kind == model::TaskKind::model)
    return world_.loop().defer([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->host_.run_failed(*self, TaskRunHost::Again::yes, "it ended with the node's program");
    });
  if (!image_) return take_over();
  world_.loop().work(
      lane_,
      [&world = world_, &place = place_, file = file_, image = image_] {
        base::ignore(read_image(world, place, file, *image), "only its health check needs it by now");
      },
      [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->complete();
        self->take_over();
      });
}

void TaskRun::take_over() {
  ++adoptions_;
  child_ = world_.adopt(*options_, *this);
}

void TaskRun::term() {
  unwanted_ = true;
  if (!child_) return;
  if (running_) child_->signal(SIGTERM);
  else child_->kill("killed: it was withdrawn before it had started");
}

void TaskRun::kill(std::string_view why) {
  unwanted_ = true;
  if (child_) child_->kill(why);
}

void TaskRun::on_start(os::Child& child, const os::ChildStart& how) {
  running_ = true;
  // The last line may have been cut when the program before us ended.
  if (adopted_ && options_->input == os::ChildOptions::Input::pipe)
    base::ignore(child.write(base::as_bytes("\n")), "its input may be closed");
  host_.run_started(*this, how.limits);
  pump();
}

void TaskRun::on_output(os::Child&, os::ChildOutput which, base::BytesView bytes) {
  if (which == os::ChildOutput::out) out_.feed(bytes, [this](std::string_view line) { said(line); });
  else error_.feed(bytes, [this](std::string_view line) { log_->line("err", line); });
}

void TaskRun::said(std::string_view line) {
  if (!file_.task.output.empty()) {
    const auto found = readings_of_line(line, file_.task.output, world_.loop().wall_now());
    if (found && *found) return host_.run_found_readings(*this, **found);
    if (!found) log_->line("node", "the next line is no reading: " + found.error().message);
  }
  log_->line("out", line);
}

void TaskRun::on_exit(os::Child&, const os::ChildExit& how) {
  running_ = false;
  out_.end([this](std::string_view line) { said(line); });
  error_.end([this](std::string_view line) { log_->line("err", line); });
  std::optional<std::int32_t> status;
  std::string why = how.why;
  switch (how.how) {
    case os::ChildExit::How::exited: status = how.number; break;
    case os::ChildExit::How::signalled: status = -how.number; break;
    case os::ChildExit::How::unknown:
      if (why.empty()) why = "how it ended is not known";
      break;
  }
  std::string text = "run " + std::to_string(file_.run) + " ended";
  if (status) text += *status >= 0 ? " with status " + std::to_string(*status) : " by signal " + std::to_string(-*status);
  log_->line("node", why.empty() ? text : text + ": " + why);
  host_.run_ended(*this, status, why);
}

void TaskRun::on_failure(os::Child&, const base::Error& why) {
  // Only that nothing began is an answer; what could not be looked at may run.
  if (adopted_ && why.code != Code::not_found && adoptions_ < most_adoptions) {
    log_->line("node", "run " + std::to_string(file_.run) + " is not taken over yet: " + why.message);
    world_.loop().after(adopt_again, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->take_over();
    });
    return;
  }
  const bool never = why.code == Code::invalid_input || why.code == Code::not_found || why.code == Code::denied;
  if (!adopted_) log_->line("node", "run " + std::to_string(file_.run) + " did not start: " + why.message);
  host_.run_failed(*this, why.code == Code::exhausted || why.code == Code::unavailable ? TaskRunHost::Again::later
                          : never ? TaskRunHost::Again::no : TaskRunHost::Again::yes,
                   why.message);
}

void TaskRun::feed(std::string line) {
  if (line.size() > most_unread) {
    ++unread_;
    return;
  }
  waiting_ += line.size();
  lines_.push_back(std::move(line));
  while (waiting_ > most_unread) {
    waiting_ -= lines_.front().size();
    lines_.pop_front();
    ++unread_;
  }
  pump();
}

void TaskRun::pump() {
  if (!running_) return;
  while (!lines_.empty() && child_->unsent() <= soon_read) {
    const auto written = child_->write(base::as_bytes(lines_.front()));
    if (!written && written.error().code == Code::exhausted) return;
    if (!written) ++unread_;                       // its input is closed
    waiting_ -= lines_.front().size();
    lines_.pop_front();
  }
}

}  // namespace selvedge::node
