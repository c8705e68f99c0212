#include "node/task_log_link.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"

namespace selvedge::node {

using codec::json::Value;
using things::CommandAnswer;

TaskLogLink::TaskLogLink(os::World& world, Find find) : world_(world), find_(std::move(find)) {}

TaskLogLink::~TaskLogLink() {
  for (auto& [id, reading] : readings_) world_.loop().cancel(reading.timer);
}

bool TaskLogLink::is_for_logs(const things::Command& command) {
  return model::twin_device(command.id) == model::node_twin_name && command.feature == "tasks" && command.subject == "logs";
}

void TaskLogLink::answer(const things::Command& command, things::CommandDone done) {
  if (command.payload.empty()) return done(things::refusal(400, "expected a JSON object"));
  const auto request = codec::json::parse(base::as_text(command.payload), 4 << 10);
  if (!request || !request->is_object()) return done(things::refusal(400, "expected a JSON object"));
  if (const Value& id = (*request)["id"]; !id.is_null()) return ask(id.text(), command.deadline, std::move(done));
  const Value& tail = (*request)["tail"];
  const std::int64_t lines = tail.is_null() ? 100 : tail.integer();
  if (!(tail.is_null() || tail.is_integer()) || lines < 0 || lines > most_lines)
    return done(things::refusal(400, "tail: expected a number from 0 to " + std::to_string(most_lines)));
  open((*request)["task"].text(), static_cast<std::size_t>(lines), (*request)["follow"].boolean(), command.deadline, std::move(done));
}

void TaskLogLink::open(const std::string& task, std::size_t lines, bool follow, base::Duration deadline, things::CommandDone done) {
  const auto log = find_(task);
  if (!log) return done(things::refusal(404, "there is no task '" + base::printable(task, 100) + "' on this node"));
  if (readings_.size() >= most_readings)
    return done(things::refusal(429, "the cloud reads " + std::to_string(most_readings) + " logs of this node already"));
  std::array<std::uint8_t, 8> bytes{};
  world_.entropy(bytes);
  const std::string id = base::to_hex(bytes);
  Reading& reading = readings_[id];
  if (follow) reading.following = log->follow([this, id](std::string_view line) { heard(id, line); });
  ask(id, deadline, std::move(done));
  log->tail(lines, [this, id, living = std::weak_ptr<bool>(alive_)](const base::Result<std::string>& text) {
    const auto at = living.expired() ? readings_.end() : readings_.find(id);
    if (living.expired() || at == readings_.end()) return;
    Reading& its = at->second;
    its.begun = true;
    its.text = (text ? *text : "the log cannot be read: " + text.error().message + "\n") + std::exchange(its.early, {});
    its.ended = its.ended || !its.following;
    tell(id);
  });
}

void TaskLogLink::ask(const std::string& id, base::Duration deadline, things::CommandDone done) {
  const auto at = readings_.find(id);
  if (at == readings_.end()) return done(things::refusal(410, "this reading of a log has ended"));
  Reading& reading = at->second;
  if (reading.waiting) return done(things::refusal(409, "this reading of a log waits for lines already"));
  reading.waiting = std::move(done);
  world_.loop().cancel(reading.timer);
  // Half of the time is for the way back.
  reading.timer = world_.loop().after(std::min(deadline / 2, longest_hold), [this, id] { tell(id); });
  if (reading.begun && (!reading.text.empty() || reading.ended || reading.missed > 0)) tell(id);
}

void TaskLogLink::heard(const std::string& id, std::string_view line) {
  Reading& reading = readings_.at(id);
  if (line.empty()) {
    reading.ended = true;
    return tell_soon(id);
  }
  if (reading.missed > 0 || reading.text.size() + reading.early.size() + line.size() > most_waiting) ++reading.missed;
  else (reading.begun ? reading.text : reading.early) += line;
  tell_soon(id);
}

// Lines that come together go together; and its log may be going.
void TaskLogLink::tell_soon(const std::string& id) {
  Reading& reading = readings_.at(id);
  if (!reading.begun || !reading.waiting) return;
  world_.loop().defer([this, id, living = std::weak_ptr<bool>(alive_)] {
    if (living.expired()) return;
    const auto at = readings_.find(id);
    if (at != readings_.end() && at->second.waiting) tell(id);
  });
}

void TaskLogLink::tell(const std::string& id) {
  const auto at = readings_.find(id);
  if (at == readings_.end() || !at->second.waiting) return;
  Reading& reading = at->second;
  world_.loop().cancel(reading.timer);
  std::size_t bytes = std::min(reading.text.size(), page_bytes);
  if (bytes < reading.text.size())
    if (const std::size_t line = reading.text.rfind('\n', bytes - 1); line != std::string::npos) bytes = line + 1;
  const std::string page = reading.text.substr(0, bytes);
  reading.text.erase(0, bytes);
  // Lines that were missed came after those that wait.
  const std::uint64_t missed = reading.text.empty() ? std::exchange(reading.missed, 0) : 0;
  const bool ended = reading.ended && reading.text.empty();
  base::JsonWriter head;
  head.begin_object().field("id", id).field("ended", ended).field("missed", missed).end_object();
  CommandAnswer answer{200, "text/plain; charset=utf-8", base::to_bytes(head.take() + "\n" + page), true};
  const things::CommandDone done = std::move(*std::exchange(reading.waiting, std::nullopt));
  if (ended) end(id);
  else reading.timer = world_.loop().after(patience, [this, id] { end(id); });
  done(std::move(answer));
}

void TaskLogLink::end(const std::string& id) {
  const auto at = readings_.find(id);
  if (at == readings_.end()) return;
  world_.loop().cancel(at->second.timer);
  readings_.erase(at);
}

}  // namespace selvedge::node
