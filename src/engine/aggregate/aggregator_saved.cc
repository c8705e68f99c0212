// The aggregator's state as bytes: engine/derive/saved_parts.h.

#include <utility>

#include "engine/aggregate/aggregator_series.h"

namespace selvedge::engine {
namespace {

void save_output(const AggregateOutput& output, std::string_view name, base::Writer& out) {
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

void Aggregator::save_series(const Series& s, base::Writer& out) const {
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
  PartsWriter parts;
  for (const AggregateOutput& output : pending_)
    if (const auto name = derived_name(output, find))
      parts.add(SavedKind::output, [&](base::Writer& out) { save_output(output, *name, out); });
  for (const auto& [id, s] : series_)
    parts.add(SavedKind::series, [&](base::Writer& out) { save_series(*s, out); });
  return std::move(parts).finish();
}

base::Result<void> Aggregator::restore(base::BytesView part, const FindSeries& find) {
  if (!TRY(parts_.add(part))) return {};
  // Made beside the present state, so that damage leaves that as it is.
  Aggregator next(limits_);
  next.rules_ = rules_;
  next.stats_ = stats_;
  next.stats_.discarded = 0;   // those of states that this one replaces
  TRY(parts_.read([&](SavedKind kind, base::Reader& in) {
    if (kind == SavedKind::series) return next.restore_series(in, find);
    return restore_output(in, next.pending_.emplace_back());
  }));
  series_ = std::move(next.series_);
  due_ = std::move(next.due_);
  pending_ = std::move(next.pending_);
  bytes_ = next.bytes_;
  stats_ = next.stats_;
  return {};
}

// A series whose rule is another one now is left out: what its windows held cannot be read by that.
bool Aggregator::restore_series(base::Reader& in, const FindSeries& find) {
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
