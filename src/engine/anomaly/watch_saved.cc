// The watch's state as bytes: engine/derive/saved_parts.h.

#include <cmath>
#include <utility>

#include "engine/anomaly/watch_series.h"

namespace selvedge::engine {
namespace {

void save_output(const AnomalyOutput& output, std::string_view name, base::Writer& out) {
  out.varint(output.series);
  out.u8(static_cast<std::uint8_t>(output.what));
  out.u8(output.raised ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(output.kind));
  out.svarint(output.time);
  out.f64(output.score);
  out.text(name);
}

bool restore_output(base::Reader& in, AnomalyOutput& output) {
  output.series = static_cast<std::uint32_t>(in.varint());
  const std::uint8_t what = in.u8();
  output.raised = in.u8() != 0;
  const std::uint8_t kind = in.u8();
  output.time = in.svarint();
  output.score = in.f64();
  output.name = in.text();
  if (what > 2 || kind > static_cast<std::uint8_t>(AnomalyKind::silent)) return false;
  output.what = static_cast<AnomalyOutput::What>(what);
  output.kind = static_cast<AnomalyKind>(kind);
  return in.ok() && !output.name.empty() && output.name.size() <= most_series_name_bytes;
}

}  // namespace

void AnomalyWatch::save_series(const Series& s, base::Writer& out) const {
  out.varint(s.id);
  out.u64(s.fingerprint);
  for (const std::int64_t time : {s.last, s.interval, s.same_since, s.reported_at}) out.svarint(time);
  for (const double number : {s.value, s.resolution, s.score, s.reported}) out.f64(number);
  for (const std::uint32_t count : {s.count, s.late_run, s.since_asked}) out.varint(count);
  out.u8(s.ready ? 1 : 0);
  s.alarm.save(out);
  if (s.detector) {
    s.detector->save(out);
  } else {
    out.varint(s.values.size());
    for (std::size_t i = 0; i < s.values.size(); ++i) out.f64(s.values[(s.next + i) % s.values.size()]);
  }
  if (s.heard != 0) out.svarint(s.heard);          // not there in states of before it was
}

std::vector<base::Bytes> AnomalyWatch::save(const FindSeries& find) const {
  PartsWriter parts;
  for (const AnomalyOutput& output : pending_)
    if (const auto name = derived_name(output, find))
      parts.add(SavedKind::output, [&](base::Writer& out) { save_output(output, *name, out); });
  for (const auto& [id, s] : series_)
    parts.add(SavedKind::series, [&](base::Writer& out) { save_series(*s, out); });
  return std::move(parts).finish();
}

base::Result<void> AnomalyWatch::restore(base::BytesView part, const FindSeries& find) {
  if (!TRY(parts_.add(part))) return {};
  // Made beside the present state, so that damage leaves that as it is.
  AnomalyWatch next(limit_);
  next.rules_ = rules_;
  next.listens_ = listens_;
  next.stats_ = stats_;
  next.stats_.discarded = 0;   // those of states that this one replaces
  TRY(parts_.read([&](SavedKind kind, base::Reader& in) {
    if (kind == SavedKind::series) return next.restore_series(in, find);
    return restore_output(in, next.pending_.emplace_back());
  }));
  *this = std::move(next);
  return {};
}

// A series whose rule is another one now is left out: what was learnt cannot be read by that.
bool AnomalyWatch::restore_series(base::Reader& in, const FindSeries& find) {
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
  for (std::int64_t* const time : {&s.last, &s.interval, &s.same_since, &s.reported_at}) {
    *time = in.svarint();
    if (*time > Moment::most || *time < -Moment::most) return false;
  }
  for (double* const number : {&s.value, &s.resolution, &s.score, &s.reported}) {
    *number = in.f64();
    if (!std::isfinite(*number)) return false;
  }
  for (std::uint32_t* const count : {&s.count, &s.late_run, &s.since_asked})
    *count = static_cast<std::uint32_t>(std::min<std::uint64_t>(in.varint(), 1'000'000));
  s.ready = in.u8() != 0;
  if (s.interval < 0 || s.interval > Moment::most / 8 || s.resolution < 0 || !s.alarm.restore(in)) return false;
  if (s.alarm.raised()) ++raised_;
  if (!(s.detector ? s.detector->restore(in) : restore_values(s, in))) return false;
  if (in.ok() && !in.at_end()) s.heard = in.svarint();
  return in.ok() && in.at_end() && s.heard <= Moment::most && s.heard >= -Moment::most;
}

bool AnomalyWatch::restore_values(Series& s, base::Reader& in) const {
  const std::uint64_t values = in.varint();
  if (!in.ok() || values > rules_.at(s.rule).window) return false;
  for (std::uint64_t i = 0; i < values; ++i) {
    const double value = in.f64();
    if (!std::isfinite(value)) return false;
    s.keep(rules_.at(s.rule).window, value);
  }
  return in.ok();
}

}  // namespace selvedge::engine
