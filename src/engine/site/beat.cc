#include "engine/site/beat.h"

#include <algorithm>

#include "base/checksummed.h"
#include "base/wire.h"

namespace selvedge::engine {
namespace {

constexpr std::uint32_t magic = 0x31425353;      // "SSB1"

void write(const SiteTask& task, base::Writer& to) {
  to.text(task.name);
  to.varint(task.generation);
  to.varint(task.epoch);
  to.varint(static_cast<std::uint64_t>(task.grace.count()));
}

std::string read_name(base::Reader& from) { return std::string(from.text().substr(0, SiteLimits::name_bytes)); }

SiteTask read_task(base::Reader& from) {
  SiteTask task;
  task.name = read_name(from);
  task.generation = from.varint();
  task.epoch = from.varint();
  task.grace = base::Duration(static_cast<std::int64_t>(
      std::min<std::uint64_t>(from.varint(), static_cast<std::uint64_t>(SiteLimits::grace_most.count()))));
  return task;
}

// Every element has at least a byte, so a count is bounded by the bytes there are.
std::size_t read_count(base::Reader& from, std::size_t most, bool& fits) {
  const std::uint64_t count = from.varint();
  if (count > most || count > from.remaining()) fits = false;
  return fits ? static_cast<std::size_t>(count) : 0;
}

}  // namespace

void encode_site_beat(const SiteBeat& beat, base::Bytes& out) {
  const std::size_t begin = out.size();
  base::Writer to(out);
  to.u32(magic);
  to.text(beat.node);
  to.varint(beat.incarnation);
  to.varint(beat.sequence);
  to.varint(beat.load);
  to.varint(beat.heard.size());
  for (const SiteBeat::Heard& one : beat.heard) {
    to.text(one.node);
    to.varint(one.incarnation);
    to.varint(one.sequence);
  }
  to.varint(beat.tasks.size());
  for (const SiteTask& task : beat.tasks) write(task, to);
  to.varint(beat.votes.size());
  for (const SiteVote& vote : beat.votes) {
    write(vote.task, to);
    to.text(vote.node);
    to.text(vote.from);
  }
  to.varint(beat.wanted.size());
  for (const SiteTask& task : beat.wanted) write(task, to);
  base::append_checksum(out, begin);
}

base::Result<SiteBeat> decode_site_beat(base::BytesView bytes) {
  const std::string_view what = "beat of a site's node";
  const auto corrupt = [what](const char* why) {
    return base::fail(base::Code::corrupt, std::string(what) + ": " + why);
  };
  base::Reader from = TRY(base::read_checksummed(bytes, magic, what));
  SiteBeat beat;
  bool fits = true;
  beat.node = read_name(from);
  beat.incarnation = from.varint();
  beat.sequence = from.varint();
  beat.load = static_cast<std::uint32_t>(std::min<std::uint64_t>(from.varint(), UINT32_MAX));
  beat.heard.resize(read_count(from, SiteLimits::nodes, fits));
  for (SiteBeat::Heard& one : beat.heard) {
    one.node = read_name(from);
    one.incarnation = from.varint();
    one.sequence = from.varint();
  }
  beat.tasks.resize(read_count(from, SiteLimits::tasks, fits));
  for (SiteTask& task : beat.tasks) task = read_task(from);
  beat.votes.resize(read_count(from, SiteLimits::votes, fits));
  for (SiteVote& vote : beat.votes) {
    vote.task = read_task(from);
    vote.node = read_name(from);
    vote.from = read_name(from);
  }
  beat.wanted.resize(read_count(from, SiteLimits::tasks, fits));
  for (SiteTask& task : beat.wanted) task = read_task(from);
  if (!fits) return corrupt("it says more than any does");
  if (!from.ok()) return corrupt("it is cut off");
  return beat;
}

}  // namespace selvedge::engine
