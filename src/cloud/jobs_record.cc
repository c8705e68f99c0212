#include "cloud/jobs_record.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "codec/json/value.h"
#include "codec/task/task.h"
#include "crypto/crypto.h"

namespace selvedge::cloud {
namespace {

using base::Code;
using base::fail;
using base::JsonWriter;
using base::Result;
using codec::json::Value;
using engine::JobContent;
using engine::JobRecord;

constexpr std::int64_t version = 1;
constexpr std::array<std::string_view, 3> rollouts{"well", "under_way", "failed"};
constexpr std::size_t most_reason_bytes = 16 << 10;
constexpr std::int64_t most_patience_ms = std::int64_t{1} << 40;   // 34 years

std::unexpected<base::Error> wrong(const std::string& what) {
  return fail(Code::corrupt, "record of a job: " + what);
}

void write(const JobContent& content, JsonWriter& json) {
  json.begin_object().key("job").raw(codec::task::write_job(content.job));
  json.key("generations").begin_object();
  for (const auto& [group, generations] : content.generations) {
    json.key(group).begin_array();
    for (const std::uint64_t generation : generations) json.value(generation);
    json.end_array();
  }
  json.end_object().end_object();
}

Result<JobContent> read_content(const Value& value) {
  JobContent content;
  content.job = TRY(codec::task::read_job(value["job"]));
  if (content.job.generation == 0) return wrong("a job without its generation");
  for (const model::TaskGroup& group : content.job.groups) {
    std::set<std::uint64_t>& generations = content.generations[group.name];
    const Value::Array& all = value["generations"][group.name].array();
    if (all.empty() || all.size() > JobContent::most_generations)
      return wrong("group '" + group.name + "' must have 1 to " + std::to_string(JobContent::most_generations) +
                   " generations");
    for (const Value& one : all) {
      if (one.integer() <= 0) return wrong("a generation that is none");
      generations.insert(static_cast<std::uint64_t>(one.integer()));
    }
    if (*generations.rbegin() > content.job.generation) return wrong("a group is ahead of its job");
  }
  return content;
}

Result<Value> parse(std::string_view text, std::size_t most) {
  Value value = TRY(codec::json::parse(text, most));
  if (value["version"].integer() != version)
    return wrong("it is of version " + value["version"].print() + ", and this program knows version 1");
  return value;
}

Result<std::int64_t> amount(const Value& value, std::string_view what, std::int64_t most = std::int64_t{1} << 52) {
  if (!value.is_integer() || value.integer() < 0 || value.integer() > most)
    return wrong(std::string(what) + " is out of range");
  return value.integer();
}

}  // namespace

std::string write_record(const JobRecord& record) {
  JsonWriter json;
  json.begin_object().field("version", version).key("now");
  write(record.now, json);
  if (record.good) {
    json.key("good");
    write(*record.good, json);
  }
  json.field("rollout", rollouts[static_cast<std::size_t>(record.rollout)])
      .field("rolled_back", record.rolled_back)
      .field("stopped", record.stopped);
  json.key("finished").begin_object();
  for (const auto& [group, members] : record.finished) {
    json.key(group).begin_array();
    for (const std::uint32_t index : members) json.value(index);
    json.end_array();
  }
  json.end_object().field("reason", std::string_view(record.reason).substr(0, most_reason_bytes)).end_object();
  return json.take();
}

Result<JobRecord> read_record(std::string_view text) {
  const Value value = TRY(parse(text, job_record_bytes));
  JobRecord record;
  record.now = TRY(read_content(value["now"]));
  if (!value["good"].is_null()) {
    record.good = TRY(read_content(value["good"]));
    if (record.good->job.name != record.now.job.name) return wrong("two names");
  }
  const std::string rollout = value["rollout"].text();
  const auto* const at = std::ranges::find(rollouts, rollout);
  if (at == rollouts.end()) return wrong("a rollout that is not known");
  record.rollout = static_cast<JobRecord::Rollout>(at - rollouts.begin());
  record.rolled_back = value["rolled_back"].boolean();
  record.stopped = value["stopped"].boolean();
  for (const auto& [group, members] : value["finished"].object()) {
    if (!record.now.generations.contains(group)) return wrong("members of a group that is not there");
    if (members.array().size() > model::TaskLimits::count) return wrong("too many members have finished");
    for (const Value& index : members.array()) {
      if (!index.is_integer() || index.integer() < 0 || index.integer() >= model::TaskLimits::count)
        return wrong("a member's number is out of range");
      record.finished[group].insert(static_cast<std::uint32_t>(index.integer()));
    }
  }
  record.reason = value["reason"].text().substr(0, most_reason_bytes);
  return record;
}

std::string write_left(const LeftTask& left) {
  JsonWriter json;
  json.begin_object()
      .field("version", version)
      .field("node", left.node)
      .field("task", left.task)
      .field("number", left.number)
      .field("revision", left.revision)
      .field("cpu", left.resources.cpu)
      .field("memory", left.resources.memory)
      .field("disk", left.resources.disk);
  if (left.accelerators.devices > 0)
    json.key("accelerators")
        .begin_object()
        .field("devices", left.accelerators.devices)
        .field("thousandths", left.accelerators.thousandths)
        .field("model", left.accelerators.model)
        .end_object();
  if (left.disconnect.policy == model::TaskDisconnect::Policy::replace)
    json.field("replaced_after_ms",
               std::min<std::int64_t>(std::chrono::ceil<std::chrono::milliseconds>(left.disconnect.after).count(), most_patience_ms));
  return json.end_object().take();
}

Result<LeftTask> read_left(std::string_view text) {
  const Value value = TRY(parse(text, 64 << 10));
  LeftTask left;
  left.node = value["node"].text();
  left.task = value["task"].text();
  if (!crypto::is_name(left.node) || !engine::member_of(left.task)) return wrong("a task that has no name");
  if (!value["number"].is_null()) left.number = static_cast<std::uint64_t>(TRY(amount(value["number"], "number")));
  left.revision = static_cast<std::uint64_t>(TRY(amount(value["revision"], "revision")));
  if (const Value& after = value["replaced_after_ms"]; !after.is_null())
    left.disconnect = {model::TaskDisconnect::Policy::replace,
                       std::chrono::milliseconds(TRY(amount(after, "replaced_after_ms", most_patience_ms)))};
  left.resources = {TRY(amount(value["cpu"], "cpu")), TRY(amount(value["memory"], "memory")),
                    TRY(amount(value["disk"], "disk"))};
  const Value& accelerators = value["accelerators"];
  if (accelerators.is_null()) return left;
  const std::int64_t devices = accelerators["devices"].integer(), share = accelerators["thousandths"].integer();
  if (devices < 1 || devices > 16 || share < 1 || share > 1000) return wrong("accelerators are out of range");
  left.accelerators = {static_cast<std::uint32_t>(devices), static_cast<std::uint32_t>(share),
                       accelerators["model"].text().substr(0, 256)};
  return left;
}

}  // namespace selvedge::cloud
