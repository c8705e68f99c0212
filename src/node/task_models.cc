#include "node/task_models.h"

#include <algorithm>
#include <csignal>
#include <deque>
#include <map>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "infer/series_model.h"
#include "serving/answer_json.h"

namespace selvedge::node {

using base::Code;
using base::fail;
using base::Result;
using serving::ModelKey;

struct TaskModels::State {
  os::Loop& loop;
  HeldModels& held;
  std::function<bool(const std::string&)> is_wished;
  std::map<ModelKey, std::uint32_t> users;         // of versions that tasks brought

  void let_go(const ModelKey& key) {
    const auto at = users.find(key);
    if (at == users.end() || --at->second > 0) return;
    users.erase(at);
    if (!is_wished(key.name)) held.models().unload(key, [] {});
  }
};

namespace {

constexpr base::Duration look_every = std::chrono::seconds(2);
constexpr std::size_t most_waiting = 1 << 20;      // bytes of lines that are being answered

// The model called as a program: one line in, lines out.
class ModelChild final : public os::Child {
 public:
  ModelChild(std::shared_ptr<TaskModels::State> all, const model::Task& task, os::ChildEvents& events);
  ~ModelChild() override;

  Result<void> write(base::BytesView bytes) override;
  std::size_t unsent() const override { return waiting_; }
  void close_input() override {}
  void pause() override {}
  void resume() override {}
  void signal(int number) override {
    if (number == SIGTERM || number == SIGKILL) end(0, "");
  }
  void kill(std::string_view why) override { end(0, why); }
  os::ChildUsage usage() const override;

 private:
  using Value = codec::json::Value;
  struct Alive {
    ModelChild* child;
  };

  void load();
  void loaded(const Result<model::Sha256>& outcome);
  void look();
  void end(int status, std::string_view why);
  void refuse(base::Error why);
  void take(std::string_view line);
  void score(const std::string& series, const Value& line);
  void look_at(const std::string& topic, const Value& line, base::Bytes picture);
  void say(const std::string& line) { events_.on_output(*this, os::ChildOutput::out, base::as_bytes(line + "\n")); }
  void complain(const std::string& why) { events_.on_output(*this, os::ChildOutput::error, base::as_bytes(why + "\n")); }
  // An answer has come: `then` says it, if somebody still listens.
  void answered(std::size_t bytes, const std::function<void()>& then);

  std::shared_ptr<TaskModels::State> all_;
  os::ChildEvents& events_;
  ModelKey key_;
  bool brings_ = false;                            // else it uses what serves
  bool has_output_ = false;
  enum class Phase : std::uint8_t { loading, running, ended } phase_ = Phase::loading;
  bool counted_ = false;
  std::shared_ptr<Alive> alive_ = std::make_shared<Alive>(Alive{this});
  os::TimerId timer_ = os::TimerId::none;
  std::size_t window_ = 0;                         // of a model of series
  std::map<std::string, std::deque<double>> last_; // values, of each series
  std::size_t asked_ = 0, waiting_ = 0;
};

ModelChild::ModelChild(std::shared_ptr<TaskModels::State> all, const model::Task& task, os::ChildEvents& events)
    : all_(std::move(all)), events_(events), has_output_(!task.output.empty()) {
  key_.name = task.model;
  const auto its = std::ranges::find(task.artifacts, task.model, &model::TaskArtifact::name);
  brings_ = its != task.artifacts.end();
  if (brings_) key_.version = its->version;
  all_->loop.defer([weak = std::weak_ptr(alive_)] {
    if (const auto alive = weak.lock()) alive->child->load();
  });
}

ModelChild::~ModelChild() {
  all_->loop.cancel(timer_);
  if (counted_) all_->let_go(key_);
}

void ModelChild::load() {
  if (phase_ != Phase::loading) return;
  if (!brings_) {
    const auto serves = all_->held.models().resolve(key_.name);
    return loaded(serves ? Result<model::Sha256>(model::Sha256{}) : std::unexpected(base::Error(serves.error())));
  }
  if (all_->is_wished(key_.name))
    return refuse({Code::unavailable, "model " + key_.name + " is wished for by the node's twin (features/models): name no artifact, "
                                      "and the task uses that"});
  counted_ = true;
  ++all_->users[key_];
  all_->held.load(key_.name, key_.version, HeldModels::Older::stays, [weak = std::weak_ptr(alive_)](const Result<model::Sha256>& outcome) {
    if (const auto alive = weak.lock()) alive->child->loaded(outcome);
  });
}

void ModelChild::loaded(const Result<model::Sha256>& outcome) {
  if (phase_ != Phase::loading) return;
  const auto pipeline = outcome ? all_->held.models().find(key_.name, key_.version)
                                : Result<std::shared_ptr<const infer::Pipeline>>(std::unexpected(outcome.error()));
  // One that does not serve may come; a runtime that is not there, or room, too.
  if (!pipeline) {
    const base::Error& why = pipeline.error();
    return refuse({!brings_ && why.code == Code::not_found ? Code::unavailable : why.code, "model " + key_.name + ": " + why.message});
  }
  if ((*pipeline)->description().task == infer::Task::series) {
    const auto series = infer::SeriesModel::make(*pipeline);
    if (!series) return refuse(series.error());
    window_ = series->window();
  }
  phase_ = Phase::running;
  timer_ = all_->loop.after(look_every, [this] { look(); });
  std::string limits = "in the node's program; memory: models.memory";
  for (const serving::ModelStatus& status : all_->held.models().list())
    if (brings_ && status.key == key_) limits += ", of which it has " + base::size_text(status.memory);
  events_.on_start(*this, {.process = 0, .limits = limits, .adopted = false});
}

void ModelChild::look() {
  timer_ = all_->loop.after(look_every, [this] { look(); });
  if (!all_->held.models().resolve(key_.name, key_.version)) end(1, "model " + key_.name + " serves no longer");
}

void ModelChild::refuse(base::Error why) {
  phase_ = Phase::ended;
  events_.on_failure(*this, why);
}

void ModelChild::end(int status, std::string_view why) {
  if (phase_ == Phase::ended) return;
  phase_ = Phase::ended;
  all_->loop.cancel(std::exchange(timer_, os::TimerId::none));
  os::ChildExit exit;
  exit.how = os::ChildExit::How::exited;
  exit.number = status;
  exit.why = why;
  all_->loop.defer([weak = std::weak_ptr(alive_), exit] {
    if (const auto alive = weak.lock()) alive->child->events_.on_exit(*alive->child, exit);
  });
}

os::ChildUsage ModelChild::usage() const {
  os::ChildUsage usage;
  for (const serving::ModelStatus& status : all_->held.models().list())
    if (status.key == key_) usage.memory = static_cast<std::int64_t>(status.memory);
  return usage;
}

Result<void> ModelChild::write(base::BytesView bytes) {
  if (phase_ != Phase::running) return fail(Code::unavailable, "ask model " + key_.name + ": it does not serve");
  if (asked_ >= TaskModels::most_asked || waiting_ + bytes.size() > most_waiting)
    return fail(Code::exhausted, "ask model " + key_.name + ": it has enough to answer");
  std::string_view line = base::as_text(bytes);
  while (line.ends_with('\n')) line.remove_suffix(1);
  take(line);
  return {};
}

void ModelChild::take(std::string_view line) {
  const auto value = codec::json::parse(line, most_waiting);
  if (!value || !value->is_object()) return;
  if (const std::string series = (*value)["series"].text(); !series.empty()) return score(series, *value);
  const std::string topic = (*value)["topic"].text();
  auto picture = base::from_base64((*value)["payload_base64"].text());
  if (topic.empty() || !picture || picture->empty()) return complain("what came on " + base::printable(topic, 100) + " is no picture");
  look_at(topic, *value, std::move(*picture));
}

void ModelChild::score(const std::string& series, const Value& line) {
  if (window_ == 0) return;                        // it takes no series
  const Value& number = line["value"];
  if (!number.is_number()) return;
  if (last_.size() >= TaskModels::most_series && !last_.contains(series)) last_.clear();
  std::deque<double>& values = last_[series];
  values.push_back(number.number());
  if (values.size() > window_) values.pop_front();
  if (values.size() < window_) return;
  const auto said = std::make_shared<double>(0);
  serving::Models::Work work;
  work.model = key_.name;
  work.version = key_.version;
  work.job = [said, window = std::vector(values.begin(), values.end())](const infer::Pipeline& pipeline,
                                                                        const ModelKey&) -> Result<infer::Timings> {
    const std::int64_t begin = serving::monotonic_ns();
    // The pipeline lives as long as the job that was given it.
    const auto model = TRY(infer::SeriesModel::make(std::shared_ptr<const infer::Pipeline>(std::shared_ptr<void>(), &pipeline)));
    *said = TRY(model.score(window));
    infer::Timings timings;
    timings.infer = serving::monotonic_ns() - begin;
    return timings;
  };
  ++asked_;
  const std::size_t bytes = series.size();
  waiting_ += bytes;
  all_->held.models().run(std::move(work), [weak = std::weak_ptr(alive_), said, series, bytes, time = line["time"].text()](const Result<serving::Ran>& ran) {
    const auto alive = weak.lock();
    if (!alive) return;
    ModelChild& self = *alive->child;
    self.answered(bytes, [&] {
      if (!ran) return self.complain(series + ": " + ran.error().message);
      base::JsonWriter json;
      json.begin_object().field("series", series).field("time", time).field("value", *said).end_object();
      self.say(json.take());
    });
  });
}

void ModelChild::look_at(const std::string& topic, const Value& line, base::Bytes picture) {
  serving::Models::Picture asked;
  asked.model = key_.name;
  asked.version = key_.version;
  const std::size_t bytes = picture.size();
  asked.file = std::move(picture);
  ++asked_;
  waiting_ += bytes;
  all_->held.models().look(std::move(asked), [weak = std::weak_ptr(alive_), topic, bytes, time = line["time"].text()](const Result<infer::Answer>& answer) {
    const auto alive = weak.lock();
    if (!alive) return;
    ModelChild& self = *alive->child;
    self.answered(bytes, [&] {
      if (!answer) return self.complain(topic + ": " + answer.error().message);
      if (!self.has_output_) {
        base::JsonWriter json;
        json.begin_object().field("topic", topic).field("time", time);
        serving::write_answer(*answer, json);
        return self.say(json.end_object().take());
      }
      // How many of each, or what it is and how surely.
      std::map<std::string, std::int64_t> counts;
      for (const infer::Detection& one : answer->detections) ++counts[one.name.empty() ? std::to_string(one.label) : one.name];
      const auto reading = [&](const std::string& name, auto number) {
        base::JsonWriter json;
        json.begin_object().field("series", topic + "/" + name).field("time", time).field("value", number).end_object();
        self.say(json.take());
      };
      for (const auto& [name, count] : counts) reading(name, count);
      if (!answer->ranked.empty()) {
        const infer::Ranked& best = answer->ranked.front();
        reading(best.name.empty() ? std::to_string(best.label) : best.name, static_cast<double>(best.score));
      } else {
        reading("count", static_cast<std::int64_t>(answer->detections.size()));
      }
    });
  });
}

void ModelChild::answered(std::size_t bytes, const std::function<void()>& then) {
  --asked_;
  waiting_ -= bytes;
  if (phase_ != Phase::running) return;
  const std::weak_ptr<Alive> weak = alive_;
  then();
  if (!weak.expired() && phase_ == Phase::running) events_.on_drained(*this);
}

}  // namespace

TaskModels::TaskModels(os::Loop& loop, HeldModels& held, std::function<bool(const std::string&)> is_wished)
    : state_(std::make_shared<State>(State{loop, held, std::move(is_wished), {}})) {}
TaskModels::~TaskModels() = default;

std::unique_ptr<os::Child> TaskModels::serve(const model::Task& task, os::ChildEvents& events) {
  return std::make_unique<ModelChild>(state_, task, events);
}

bool TaskModels::uses(std::string_view name) const {
  return std::ranges::any_of(state_->users, [&](const auto& one) { return one.first.name == name; });
}

}  // namespace selvedge::node
