#include "os/fake/child.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "os/fake/kernel.h"
#include "os/fake/life.h"
#include "os/fake/machine.h"

namespace selvedge::os::fake {
namespace {

constexpr std::size_t pipe_bytes = 64 << 10;
constexpr std::size_t high_water = 64 << 10;

}  // namespace

// A life's end of a process.
class FakeChild final : public Child {
 public:
  FakeChild(Processes& host, Life& life, const ChildOptions& options, ChildEvents& events)
      : host_(host), life_(life), options_(options), events_(events) {}
  ~FakeChild() override {
    *here_ = false;
    if (!process_ || process_->child_ != this) return;
    process_->child_ = nullptr;
    if (options_.run.empty() && life_.alive()) process_->die(SIGKILL);
  }

  void begin(base::Duration delay) {
    in(delay, [this] {
      auto begun = host_.begin(options_);
      if (!begun) return fail(begun.error());
      attach(*begun, Adopted::no);
    });
  }
  void adopt() {
    in({}, [this] {
      const auto found = host_.records_.find(options_.run);
      if (found == host_.records_.end())
        return fail({base::Code::not_found, "adopt " + options_.program + ": nothing began in " + options_.run});
      const Processes::Record& record = found->second;
      if (record.process && record.process->running()) return attach(record.process, Adopted::yes);
      ChildExit exit{.how = ChildExit::How::unknown, .number = 0, .why = {}, .usage = {}};
      if (record.exit) exit = *record.exit;
      ended_ = true;
      host_.records_[options_.run].exit = exit;
      events_.on_exit(*this, exit);
    });
  }

  base::Result<void> write(base::BytesView bytes) override {
    if (options_.input == ChildOptions::Input::none || input_closed_ || ended_ || (process_ && !process_->running()))
      return base::fail(base::Code::unavailable, "write to " + options_.program + ": its input is closed");
    if (unsent() + bytes.size() > ChildOptions::most_unsent)
      return base::fail(base::Code::exhausted, "write to " + options_.program + ": it does not read");
    input().append(base::as_text(bytes));
    full_ = full_ || unsent() > high_water;
    if (process_) later([process = process_] { process->take_input(); });
    return {};
  }
  std::size_t unsent() const override { return process_ ? process_->input_.size() : early_input_.size(); }
  void close_input() override {
    input_closed_ = true;
    if (process_) give_end();
  }
  void pause() override { paused_ = true; }
  void resume() override {
    if (std::exchange(paused_, false)) hear();
  }
  void signal(int number) override {
    if (number == SIGKILL) return kill("");
    if (process_) later([process = process_, number] { process->take_signal(number); });
  }
  void kill(std::string_view why) override {
    if (!process_) early_kill_ = early_kill_ ? early_kill_ : std::optional(std::string(why));
    else later([process = process_, text = std::string(why)] { process->die(SIGKILL, text); });
  }
  ChildUsage usage() const override { return process_ ? process_->usage_ : ChildUsage{}; }

  // Something waits to be heard.
  void hear() {
    if (std::exchange(hearing_, true)) return;
    in({}, [this] {
      hearing_ = false;
      deliver();
    });
  }
  void drained() {
    if (!std::exchange(full_, false)) return;
    in({}, [this] { events_.on_drained(*this); });
  }

 private:
  enum class Adopted : bool { no, yes };

  // A call of this life, if this is still there then.
  void in(base::Duration delay, std::function<void()> what) {
    life_.in(delay, [here = here_, what = std::move(what)] {
      if (*here) what();
    });
  }
  // What the process is told comes whether or not we still live.
  void later(std::function<void()> what) {
    if (life_.alive()) host_.kernel_.schedule(host_.kernel_.now(), std::move(what));
  }
  std::string& input() { return process_ ? process_->input_ : early_input_; }

  void attach(std::shared_ptr<Process> process, Adopted adopted) {
    process_ = std::move(process);
    process_->child_ = this;
    process_->input_ += early_input_;
    later([begun = process_] { begun->take_input(); });
    if (input_closed_) give_end();
    if (early_kill_) kill(*early_kill_);
    hear();
    events_.on_start(*this, {.process = process_->id(), .limits = host_.limits, .adopted = adopted == Adopted::yes});
  }
  void give_end() {
    // Others may come to write to one that outlives us.
    if (!options_.run.empty()) return;
    process_->input_ended_ = true;
    later([process = process_] { process->take_input(); });
  }
  void deliver() {
    const auto here = here_;
    const std::shared_ptr<Process> process = process_;
    if (!process) return;                          // not begun yet, or it never ran
    for (const ChildOutput which : {ChildOutput::out, ChildOutput::error}) {
      std::string& waiting = which == ChildOutput::out ? process->out_ : process->error_;
      if (paused_ || waiting.empty()) continue;
      const std::string text = std::exchange(waiting, "");
      events_.on_output(*this, which, base::as_bytes(text));
      if (!*here) return;
    }
    if (paused_ || ended_ || process->running() || !process->out_.empty() || !process->error_.empty()) return;
    ended_ = true;
    ChildExit exit = *process->exit_;
    process->child_ = nullptr;
    if (!options_.run.empty()) host_.records_[options_.run].exit = exit;
    events_.on_exit(*this, exit);
  }
  void fail(const base::Error& why) {
    ended_ = true;
    events_.on_failure(*this, why);
  }

  Processes& host_;
  Life& life_;
  ChildOptions options_;
  ChildEvents& events_;
  std::shared_ptr<bool> here_ = std::make_shared<bool>(true);
  std::shared_ptr<Process> process_;
  std::string early_input_;
  std::optional<std::string> early_kill_;
  bool paused_ = false, input_closed_ = false, ended_ = false, hearing_ = false, full_ = false;
};

Process::Process(Processes& host, ChildOptions options, std::int64_t id) : host_(host), options_(std::move(options)), id_(id) {}

bool Process::say(ChildOutput which, std::string_view text) {
  std::string& into = which == ChildOutput::out ? out_ : error_;
  if (exit_ || into.size() + text.size() > pipe_bytes) return false;
  into += text;
  if (child_ != nullptr) child_->hear();
  return true;
}

void Process::end(ChildExit how) {
  if (exit_) return;
  how.usage = usage_;
  exit_ = std::move(how);
  host_.ended(*this);
  if (child_ != nullptr) child_->hear();
}

void Process::after(base::Duration delay, std::function<void()> what) {
  const auto self = std::ranges::find(host_.running_, this, [](const auto& one) { return one.get(); });
  if (self == host_.running_.end()) return;
  host_.kernel_.schedule(host_.kernel_.now() + delay, [process = std::weak_ptr(*self), what = std::move(what)] {
    if (const auto alive = process.lock(); alive && alive->running()) what();
  });
}

void Process::use(base::Duration cpu, std::int64_t memory) {
  usage_.cpu += cpu;
  usage_.memory = memory;
  usage_.memory_peak = std::max(usage_.memory_peak, memory);
  const std::int64_t most = options_.limits.memory;
  if (most > 0 && memory > most) die(SIGKILL, "killed: over its memory of " + base::size_text(static_cast<std::uint64_t>(most)));
}

void Process::set_reading(bool reads) {
  reads_ = reads;
  if (reads) take_input();
}

void Process::take_input() {
  if (exit_ || !reads_) return;
  const std::string text = std::exchange(input_, "");
  if (!text.empty() && child_ != nullptr) child_->drained();
  if (!text.empty() && on_input) on_input(text);
  if (input_ended_ && !exit_ && std::exchange(input_ended_, false) && on_input_end) on_input_end();
}

void Process::take_signal(int number) {
  if (exit_) return;
  if (on_signal) return on_signal(number);
  if (number != SIGCHLD && number != SIGCONT && number != SIGURG && number != SIGWINCH) die(number);
}

Processes::~Processes() {
  for (const auto& process : running_) process->child_ = nullptr;
}

void Processes::program(std::string_view name, Script script) { scripts_.insert_or_assign(std::string(name), std::move(script)); }

void Processes::remove_program(std::string_view name) {
  if (const auto found = scripts_.find(name); found != scripts_.end()) scripts_.erase(found);
}

std::vector<Process*> Processes::running() const {
  std::vector<Process*> all;
  for (const auto& process : running_) all.push_back(process.get());
  return all;
}

std::unique_ptr<Child> Processes::spawn(const ChildOptions& options, ChildEvents& events) {
  if (!random_) random_ = machine_.random_.fork();
  auto child = std::make_unique<FakeChild>(*this, machine_.life(), options, events);
  child->begin(random_->between(base::Duration{0}, start_delay));
  return child;
}

std::unique_ptr<Child> Processes::adopt(const ChildOptions& options, ChildEvents& events) {
  auto child = std::make_unique<FakeChild>(*this, machine_.life(), options, events);
  child->adopt();
  return child;
}

base::Result<std::shared_ptr<Process>> Processes::begin(const ChildOptions& options) {
  if (failure_) return std::unexpected(*std::exchange(failure_, std::nullopt));
  const auto script = scripts_.find(options.program);
  if (script == scripts_.end())
    return base::fail(base::Code::not_found, "start " + options.program + ": No such file or directory");
  if (!options.run.empty() && records_.contains(options.run))
    return base::fail(base::Code::conflict, "start in " + options.run + ": a child began there before");
  auto process = std::make_shared<Process>(*this, options, next_id_++);
  running_.push_back(process);
  if (!options.run.empty()) records_[options.run] = {process, std::nullopt};
  ++started_;
  kernel_.note("process", static_cast<std::uint64_t>(process->id()), started_);
  // A copy: the script may be replaced while it runs.
  kernel_.schedule(kernel_.now(), [process, what = script->second] {
    if (process->running()) what(*process);
  });
  return process;
}

void Processes::ended(Process& process) {
  const auto found = std::ranges::find(running_, &process, [](const auto& one) { return one.get(); });
  if (found == running_.end()) return;
  const std::shared_ptr<Process> kept = *found;
  running_.erase(found);
  // Its script's functions hold on to nothing any more, once none of them is on the stack.
  kernel_.schedule(kernel_.now(), [kept] { kept->on_input = nullptr, kept->on_input_end = nullptr, kept->on_signal = nullptr; });
  const ChildOptions& options = process.options();
  if (!options.run.empty() && options.sandbox) records_[options.run].exit = process.exit_;
}

std::vector<std::string> Processes::end_leftovers(const std::string& group, const std::vector<std::string>& kept) {
  std::vector<std::string> names;
  for (const auto& process : std::vector(running_)) {
    const std::string& name = process->options().group;
    if (!name.starts_with(group + "/")) continue;
    std::string last = name.substr(group.size() + 1);
    if (std::ranges::find(kept, last) != kept.end()) continue;
    process->die(SIGKILL);
    names.push_back(std::move(last));
  }
  std::ranges::sort(names);
  return names;
}

void Processes::forget(const std::string& run) {
  const auto found = records_.find(run);
  if (found != records_.end() && !(found->second.process && found->second.process->running())) records_.erase(found);
}

void Processes::crashed(Crashed what) {
  for (const auto& process : std::vector(running_)) {
    process->child_ = nullptr;
    if (what == Crashed::machine || process->options().run.empty()) process->die(SIGKILL);
  }
  if (what != Crashed::machine) return;
  for (auto& [run, record] : records_) record.process = nullptr;
}

}  // namespace selvedge::os::fake
