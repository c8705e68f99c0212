// The bytes that survive a crash: docs/spec/task.md.

#include <algorithm>

#include "base/checksummed.h"
#include "base/wire.h"
#include "codec/task/task.h"
#include "engine/task/supervisor_state.h"

namespace selvedge::engine {
namespace {

constexpr std::uint32_t magic = 0x314B5453;      // "STK1"
constexpr std::uint8_t has_contact = 1, has_wall = 2;
enum Flag : std::uint32_t {
  has_print = 1, is_done = 2, is_failed = 4, is_lost = 8, has_exit = 16, has_base = 32, is_due = 64, has_run = 128,
  has_value = 256,
};

void write(const TaskSupervisor::State::Entry& e, bool begun, base::Writer& to) {
  using State = TaskSupervisor::State;
  const State::Account& a = e.account;
  // The value that a refused one did not replace; or that was loaded, while nothing is wished yet.
  const bool value = e.wish && (!e.refused.empty() || (!begun && !e.wanted));
  to.text(e.name);
  to.varint((e.print ? has_print : 0U) | (a.verdict == State::Account::Verdict::done ? is_done : 0U) |
            (a.verdict == State::Account::Verdict::failed ? is_failed : 0U) | (a.lost ? is_lost : 0U) |
            (a.exit ? has_exit : 0U) | (e.cron_base ? has_base : 0U) | (e.cron_due ? is_due : 0U) |
            (e.run.active() ? has_run : 0U) | (value ? has_value : 0U));
  if (e.print) to.raw(*e.print);
  to.varint(e.runs);
  to.varint(a.restarts);
  to.varint(a.failures);
  to.varint(a.interruptions);
  to.varint(a.epoch);
  to.text(a.reason);
  if (a.exit) to.svarint(*a.exit);
  if (e.cron_base) to.svarint(e.cron_base->ns);
  if (e.run.active()) {
    const State::Run& run = e.run;
    to.raw(run.print);
    to.varint(run.number);
    to.varint(run.generation);
    to.varint(run.preparation);
    to.u8(static_cast<std::uint8_t>(run.mode));
    to.u8(static_cast<std::uint8_t>(run.cause));
    to.text(run.why);
    to.svarint(run.started.ns);
    to.svarint(run.terms.grace.count());
    to.u8(static_cast<std::uint8_t>(run.terms.disconnect.policy));
    to.svarint(run.terms.disconnect.after.count());
  }
  if (value) to.text(codec::task::write_task(*e.wish));
}

TaskPrint read_print(base::Reader& from) {
  TaskPrint print{};
  const base::BytesView bytes = from.raw(print.size());
  std::ranges::copy(bytes, print.begin());
  return print;
}

base::Duration read_duration(base::Reader& from, base::Duration most) {
  return base::Duration(std::clamp<std::int64_t>(from.svarint(), 0, most.count()));
}

// Nothing that a sum could overflow.
std::int64_t read_moment(base::Reader& from) {
  return std::clamp<std::int64_t>(from.svarint(), INT64_MIN / 4, INT64_MAX / 4);
}

std::uint32_t read_count(base::Reader& from) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(from.varint(), UINT32_MAX / 2));
}

void read(TaskSupervisor::State::Entry& e, base::Reader& from) {
  using State = TaskSupervisor::State;
  using model::TaskLimits;
  State::Account& a = e.account;
  e.name = from.text();
  const std::uint64_t flags = from.varint();
  if ((flags & has_print) != 0) e.print = read_print(from);
  if ((flags & is_failed) != 0) a.verdict = State::Account::Verdict::failed;
  if ((flags & is_done) != 0) a.verdict = State::Account::Verdict::done;
  a.lost = (flags & is_lost) != 0;
  e.cron_due = (flags & is_due) != 0;
  e.runs = from.varint() & INT64_MAX;
  a.restarts = read_count(from);
  a.failures = read_count(from);
  a.interruptions = read_count(from);
  a.epoch = from.varint();
  a.reason = bounded(from.text());
  if ((flags & has_exit) != 0)
    a.exit = static_cast<std::int32_t>(std::clamp<std::int64_t>(from.svarint(), INT32_MIN, INT32_MAX));
  if ((flags & has_base) != 0) e.cron_base = base::Time{read_moment(from)};
  if ((flags & has_run) != 0) {
    State::Run& run = e.run;
    run.phase = State::Run::Phase::starting;
    run.print = read_print(from);
    run.number = from.varint() & INT64_MAX;
    run.generation = from.varint() & INT64_MAX;
    run.preparation = from.varint();
    run.mode = static_cast<model::TaskMode>(from.u8() % 3);
    run.cause = static_cast<State::Cause>(from.u8() % 6);
    run.why = bounded(from.text());
    run.started = {read_moment(from)};
    run.terms.grace = read_duration(from, TaskLimits::grace_most);
    run.terms.disconnect.policy = static_cast<model::TaskDisconnect::Policy>(from.u8() % 4);
    run.terms.disconnect.after = read_duration(from, TaskLimits::time_most);
    e.runs = std::max(e.runs, run.number);
  }
  if ((flags & has_value) != 0)
    if (auto task = codec::task::parse_task(e.name, from.text()))
      e.wish = std::make_shared<const model::Task>(std::move(*task));
}

}  // namespace

void TaskSupervisor::save(base::Bytes& out) const {
  const State& s = *state_;
  const std::size_t begin = out.size();
  base::Writer to(out);
  to.u32(magic);
  to.text(s.boot);
  to.varint(s.preparations);
  to.u8(static_cast<std::uint8_t>((s.contact ? has_contact : 0) | (s.contact_wall ? has_wall : 0)));
  if (s.contact) to.svarint(s.contact->ns);
  if (s.contact_wall) to.svarint(s.contact_wall->ns);
  to.varint(s.finished.size());
  for (const auto& [name, print] : s.finished) {
    to.text(name);
    to.raw(print);
  }
  for (const auto& [name, entry] : s.entries) write(entry, s.begun, to);
  base::append_checksum(out, begin);
}

base::Result<void> TaskSupervisor::load(base::BytesView saved) {
  const std::string_view what = "saved state of the tasks";
  const auto corrupt = [what](const char* why) {
    return base::fail(base::Code::corrupt, std::string(what) + ": " + why);
  };
  base::Reader from = TRY(base::read_checksummed(saved, magic, what));
  State read_state(state_->limits, state_->seed);
  read_state.boot = from.text().substr(0, most_boot_bytes);
  read_state.preparations = from.varint();
  const std::uint8_t flags = from.u8();
  if ((flags & has_contact) != 0) read_state.contact = base::Instant{read_moment(from)};
  if ((flags & has_wall) != 0) read_state.contact_wall = base::Time{read_moment(from)};
  const std::uint64_t finished = from.varint();
  for (std::uint64_t i = 0; i < finished && from.ok(); ++i) {
    std::string name(from.text());
    const TaskPrint print = read_print(from);
    if (i < read_state.limits.finished) read_state.finished.emplace_back(std::move(name), print);
  }
  while (from.ok() && !from.at_end()) {
    State::Entry entry;
    read(entry, from);
    if (!from.ok() || !codec::task::is_task_name(entry.name)) return corrupt("a task is damaged");
    if (read_state.entries.size() >= read_state.limits.tasks) return corrupt("too many tasks");
    std::string name = entry.name;
    read_state.entries.insert_or_assign(std::move(name), std::move(entry));
  }
  if (!from.ok()) return corrupt("it is cut off");
  *state_ = std::move(read_state);
  return {};
}

}  // namespace selvedge::engine
