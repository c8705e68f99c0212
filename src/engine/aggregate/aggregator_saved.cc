// The aggregator's state as bytes. Each part: u8 version 1, u8 flags (1: the first, 2: the last), then
// records, each with its length in front: u8 1 and an output that is pending, or u8 2 and a series.

#include <utility>

#include "engine/aggregate/aggregator_series.h"

namespace selvedge::engine {
namespace {

constexpr std::uint8_t version = 1, is_first = 1, is_last = 2, output_record = 1, series_record = 2;
constexpr std::size_t part_bytes = 256 << 10;
constexpr std::size_t most_parts = 4096;

std::unexpected<base::Error> damaged() {
  return base::fail(base::Code::corrupt, "restore aggregates: their saved state is damaged");
}

void save_output(const AggregateOutput& output, std::string_view name, base::Bytes& bytes) {
  base::Writer out(bytes);
  out.u8(output_record);
  out.varint(output.series);
  out.varint(output.derived.slot);
  out.u8(static_cast<std::uint8_t>(output.derived.kind));
  save_sample(output.derived.sample, out);
  out.text(name);
}

bool restore_output(base::Reader& in, AggregateOutput& output) {
  output.series = static_cast<std::uint32_t>(in.varint());
  output.derived.slot = static_cast<std::uint16_t>(in.varint());
  output.derived.kind = static_cast<model::Kind>(in.u8() & 3);
  output.derived.sample = restore_sample(in);
  output.name = in.text();
  return in.ok() && !output.name.empty() && output.name.size() <= most_series_name_bytes;
}

}  // namespace

void Aggregator::save_series(const Series& s, base::Bytes& bytes) const {
  base::Writer out(bytes);
  out.u8(series_record);
  out.varint(s.id);
  out.u64(s.fingerprint);
  out.svarint(s.watermark);
  out.svarint(s.newest);
  out.svarint(s.arrived);
  out.u8(static_cast<std::uint8_t>((s.late_since ? 1 : 0) | (s.unreported ? 2 : 0)));
  if (s.late_since) out.svarint(*s.late_since);
  if (s.unreported) out.svarint(s.unreported->first), out.u64(s.unreported->second);
  out.varint(s.waiting.size());
  for (const Sample& sample : s.waiting) save_sample(sample, out);
  out.varint(s.recent.size());
  for (std::size_t i = 0; i < s.recent.size(); ++i) {
    const auto& [time, bits] = s.recent[(s.recent_at + i) % s.recent.size()];   // oldest first
    out.svarint(time);
    out.u64(bits);
  }
  if (s.reporter) s.reporter->save(out);
  if (s.door) s.door->save(out);
  if (s.windows) s.windows->save(out);
}

std::vector<base::Bytes> Aggregator::save(const FindSeries& find) const {
  // Also of nothing: it replaces what older segments hold.
  std::vector<base::Bytes> parts;
  parts.push_back({version, is_first});
  base::Bytes record;
  const auto add = [&] {
    if (parts.back().size() + record.size() > part_bytes) parts.push_back({version, 0});
    base::Writer(parts.back()).bytes(record);
    record.clear();
  };
  for (const AggregateOutput& output : pending_) {
    const auto name = derived_name(output, find);
    if (!name) continue;
    save_output(output, *name, record);
    add();
  }
  for (const auto& [id, s] : series_) {
    save_series(*s, record);
    add();
  }
  parts.back()[1] = static_cast<std::uint8_t>(parts.back()[1] | is_last);
  return parts;
}

base::Result<void> Aggregator::restore(base::BytesView part, const FindSeries& find) {
  if (part.size() < 2 || part[0] != version) return damaged();
  if (part[1] & is_first) parts_.clear();
  else if (parts_.empty()) return {};   // its beginning is gone; a later state is whole
  if (parts_.size() >= most_parts) return damaged();
  parts_.emplace_back(part.begin(), part.end());
  if (!(part[1] & is_last)) return {};
  const auto restored = restore_all(find);
  parts_.clear();
  return restored;
}

base::Result<void> Aggregator::restore_all(const FindSeries& find) {
  // Made beside the present state, so that damage leaves that as it is.
  Aggregator next(limits_);
  next.rules_ = rules_;
  next.stats_ = stats_;
  next.stats_.discarded = 0;   // those of states that this one replaces
  for (const base::Bytes& part : parts_) {
    base::Reader in(base::BytesView(part).subspan(2));
    while (in.ok() && !in.at_end()) {
      const base::BytesView record = in.bytes();
      base::Reader fields(record);
      const std::uint8_t kind = fields.u8();
      if (kind == output_record) {
        AggregateOutput output;
        if (!restore_output(fields, output)) return damaged();
        next.pending_.push_back(std::move(output));
      } else if (kind != series_record || !next.restore_series(record.subspan(1), find)) {
        return damaged();
      }
    }
    if (!in.ok()) return damaged();
  }
  series_ = std::move(next.series_);
  due_ = std::move(next.due_);
  pending_ = std::move(next.pending_);
  bytes_ = next.bytes_;
  stats_ = next.stats_;
  return {};
}

// A series whose rule is another one now is left out: what its windows held cannot be read by that.
bool Aggregator::restore_series(base::BytesView record, const FindSeries& find) {
  base::Reader in(record);
  const std::uint64_t id = in.varint();
  const std::uint64_t fingerprint = in.u64();
  if (!in.ok() || id == 0 || id > UINT32_MAX || series_.contains(static_cast<std::uint32_t>(id))) return false;
  const model::SeriesDef* const def = find(model::SeriesId{static_cast<std::uint32_t>(id)});
  Series* const made = def == nullptr ? nullptr : open(*def);
  if (made == nullptr || made->fingerprint != fingerprint) {
    if (made != nullptr) forget(static_cast<std::uint32_t>(id));
    ++stats_.discarded;
    return true;
  }
  Series& s = *made;
  s.watermark = in.svarint();
  s.newest = in.svarint();
  s.arrived = sane_time(in.svarint());
  const std::uint8_t flags = in.u8();
  if (flags & 1) s.late_since = sane_time(in.svarint());
  if (flags & 2) {
    const std::int64_t time = in.svarint();
    s.unreported = {time, in.u64()};
  }
  const std::uint64_t waiting = in.varint();
  if (!in.ok() || waiting > in.remaining()) return false;
  for (std::uint64_t i = 0; i < waiting; ++i) s.waiting.push_back(restore_sample(in));
  const std::uint64_t recent = in.varint();
  if (!in.ok() || recent > Series::most_recent) return false;
  for (std::uint64_t i = 0; i < recent; ++i) {
    const std::int64_t time = in.svarint();
    s.recent.emplace_back(time, in.u64());
  }
  if (s.reporter) s.reporter->restore(in);
  if (s.door) s.door->restore(in);
  if (s.windows && !s.windows->restore(rule_of(s), in)) return false;
  if (!in.ok() || !in.at_end() || !std::ranges::is_sorted(s.waiting, {}, &Sample::time)) return false;
  weigh(s);
  queue(s);
  return true;
}

}  // namespace selvedge::engine
