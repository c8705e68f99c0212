// The members of a task, and how they are bounded. Private to codec/task. docs/spec/task.md has what they mean.

#pragma once

#include "codec/task/fields.h"
#include "model/task.h"

namespace selvedge::codec::task {

using model::TaskLimits;

inline constexpr std::int64_t most_bytes = std::int64_t{1} << 50;
inline constexpr std::int64_t most_cores = 1'000'000;                    // thousandths
inline constexpr base::Duration least_time = std::chrono::milliseconds(100);

inline Text name_text() { return {Text::Is::name, TaskLimits::word_bytes}; }
inline Text name_or_empty() { return {Text::Is::plain, TaskLimits::word_bytes}; }
inline List<Text> texts(Text::Is is, std::size_t bytes, std::size_t most) { return {Text{is, bytes}, most}; }

base::Result<void> check(const model::TaskArtifact& value, const std::string& at, Of<model::TaskArtifact>);
base::Result<void> check(const model::TaskRestart& value, const std::string& at, Of<model::TaskRestart>);
base::Result<void> check(const model::TaskHealth& value, const std::string& at, Of<model::TaskHealth>);
base::Result<void> check(const model::TaskFeed& value, const std::string& at, Of<model::TaskFeed>);
base::Result<void> check(const model::AcceleratorAsk& value, const std::string& at, Of<model::AcceleratorAsk>);
base::Result<void> check(const model::Task& value, const std::string& at, Of<model::Task>);
inline base::Result<void> check(const model::TaskSandbox&, const std::string&, Of<model::TaskSandbox>) { return {}; }
inline base::Result<void> check(const model::TaskDisconnect&, const std::string&, Of<model::TaskDisconnect>) { return {}; }
inline base::Result<void> check(const model::Resources&, const std::string&, Of<model::Resources>) { return {}; }

template <typename Visit>
void describe(Visit& visit, Of<model::TaskArtifact>) {
  using model::TaskArtifact;
  visit("name", &TaskArtifact::name, name_text());
  visit("version", &TaskArtifact::version, Whole{1, INT64_MAX});
  visit("digest", &TaskArtifact::digest, Digest{});
  visit("path", &TaskArtifact::path, Text{Text::Is::inner_path, TaskLimits::path_bytes});
}

template <typename Visit>
void describe(Visit& visit, Of<model::TaskRestart>) {
  using model::TaskRestart;
  const Time pause{least_time, std::chrono::hours(24)};
  visit("backoff_first", &TaskRestart::backoff_first, pause);
  visit("backoff_most", &TaskRestart::backoff_most, pause);
  visit("steady", &TaskRestart::steady, pause);
  visit("attempts", &TaskRestart::attempts, Whole{0, 1'000'000});
}

template <typename Visit>
void describe(Visit& visit, Of<model::TaskHealth>) {
  using model::TaskHealth;
  visit("command", &TaskHealth::command, texts(Text::Is::any, TaskLimits::argument_bytes, TaskLimits::arguments));
  visit("http", &TaskHealth::http, Text{Text::Is::local_http, TaskLimits::path_bytes});
  visit("every", &TaskHealth::every, Time{std::chrono::milliseconds(500), std::chrono::hours(24)});
  visit("timeout", &TaskHealth::timeout, Time{least_time, std::chrono::minutes(10)});
  visit("grace", &TaskHealth::grace, Time{{}, std::chrono::hours(24)});
  visit("failures", &TaskHealth::failures, Whole{1, 1'000});
}

template <typename Visit>
void describe(Visit& visit, Of<model::TaskSandbox>) {
  using model::TaskSandbox;
  const auto folders = texts(Text::Is::outer_path, TaskLimits::path_bytes, TaskLimits::folders);
  visit("network", &TaskSandbox::network, Word{{"none", "host"}});
  visit("read_only", &TaskSandbox::read_only, folders);
  visit("writable", &TaskSandbox::writable, folders);
  visit("devices", &TaskSandbox::devices, texts(Text::Is::device, TaskLimits::path_bytes, TaskLimits::devices));
  visit("processes", &TaskSandbox::processes, Whole{1, 100'000});
  visit("tmp", &TaskSandbox::tmp, Size{0, most_bytes});
}

template <typename Visit>
void describe(Visit& visit, Of<model::TaskDisconnect>) {
  using model::TaskDisconnect;
  visit("policy", &TaskDisconnect::policy, Word{{"keep", "replace", "stop", "site"}});
  visit("after", &TaskDisconnect::after, Time{std::chrono::seconds(1), TaskLimits::time_most});
}

template <typename Visit>
void describe(Visit& visit, Of<model::TaskFeed>) {
  using model::TaskFeed;
  visit("series", &TaskFeed::series, Text{Text::Is::filter, TaskLimits::path_bytes});
  visit("topic", &TaskFeed::topic, Text{Text::Is::filter, TaskLimits::path_bytes});
}

template <typename Visit>
void describe(Visit& visit, Of<model::Resources>) {
  using model::Resources;
  visit("cpu", &Resources::cpu, Cores{most_cores});
  visit("memory", &Resources::memory, Size{0, most_bytes});
  visit("disk", &Resources::disk, Size{0, most_bytes});
}

template <typename Visit>
void describe(Visit& visit, Of<model::AcceleratorAsk>) {
  using model::AcceleratorAsk;
  visit("devices", &AcceleratorAsk::devices, Whole{0, 64});
  visit("thousandths", &AcceleratorAsk::thousandths, Whole{1, 1'000});
  visit("model", &AcceleratorAsk::model, name_or_empty());
}

template <typename Visit>
void describe(Visit& visit, Of<model::Task>) {
  using model::Task;
  constexpr std::size_t value_bytes = TaskLimits::value_bytes;
  const Text variable{Text::Is::variable, TaskLimits::word_bytes};
  visit("generation", &Task::generation, Whole{0, INT64_MAX});
  visit("kind", &Task::kind, Word{{"process", "container", "model"}});
  visit("mode", &Task::mode, Word{{"service", "job", "cron"}});
  visit("artifacts", &Task::artifacts, List{Object<model::TaskArtifact>{}, TaskLimits::artifacts});
  visit("command", &Task::command, texts(Text::Is::any, TaskLimits::argument_bytes, TaskLimits::arguments));
  visit("image", &Task::image, name_text());
  visit("model", &Task::model, name_text());
  visit("environment", &Task::environment, Texts{variable, {Text::Is::any, value_bytes}, TaskLimits::variables});
  visit("secrets", &Task::secrets, Texts{variable, name_text(), TaskLimits::secrets});
  visit("resources", &Task::resources, Object<model::Resources>{});
  visit("accelerators", &Task::accelerators, Object<model::AcceleratorAsk>{});
  visit("feeds", &Task::feeds, List{Object<model::TaskFeed>{}, TaskLimits::feeds});
  visit("output", &Task::output, Text{Text::Is::topic, 256});
  visit("schedule", &Task::schedule, Text{Text::Is::schedule, 256});
  visit("retries", &Task::retries, Whole{0, 1'000});
  visit("time_limit", &Task::time_limit, Time{{}, TaskLimits::time_most});
  visit("stop_grace", &Task::stop_grace, Time{{}, TaskLimits::grace_most});
  visit("log", &Task::log, Size{0, std::int64_t{1} << 30});
  visit("restart", &Task::restart, Object<model::TaskRestart>{});
  visit("health", &Task::health, Object<model::TaskHealth>{});
  visit("sandbox", &Task::sandbox, Object<model::TaskSandbox>{});
  visit("disconnect", &Task::disconnect, Object<model::TaskDisconnect>{});
}

// The JSON of one task or job, of at most `most` bytes and so few separators that the values made of it stay small.
base::Result<json::Value> parse_document(std::string_view text, std::size_t most);

}  // namespace selvedge::codec::task
