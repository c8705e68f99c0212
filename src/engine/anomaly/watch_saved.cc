// The watch's state as bytes. Each part: u8 version 1, u8 flags (1: the first, 2: the last), then records, each
// with its length in front: u8 1 and an output that is pending, or u8 2 and a series.

#include <cmath>
#include <utility>

#include "engine/anomaly/watch_series.h"

namespace selvedge::engine {
namespace {

constexpr std::uint8_t version = 1, is_first = 1, is_last = 2, output_record = 1, series_record = 2;
constexpr std::size_t part_bytes = 256 << 10, most_parts = 4096;
constexpr std::int64_t most_time = 4'500'000'000'000'000'000;

std::unexpected<base::Error> damaged() {
  return base::fail(base::Code::corrupt, "restore anomalies: their saved state is damaged");
}

void save_output(const AnomalyOutput& output, std::string_view name, base::Bytes& bytes) {
  base::Writer out(bytes);
  out.u8(output_record);
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
  if (what > 2 || kind > static_cast<std::uint8_t>(AnomalyKind::stuck)) return false;
  output.what = static_cast<AnomalyOutput::What>(what);
  output.kind = static_cast<AnomalyKind>(kind);
  return in.ok() && !output.name.empty() && output.name.size() <= most_series_name_bytes;
}

}  // namespace

void AnomalyWatch::save_series(const Series& s, base::Bytes& bytes) const {
  base::Writer out(bytes);
  out.u8(series_record);
  out.varint(s.id);
  out.u64(s.fingerprint);
  for (const std::int64_t time : {s.last, s.interval, s.same_since, s.reported_at}) out.svarint(time);
  for (const double number : {s.value, s.resolution, s.score, s.reported}) out.f64(number);
  for (const std::uint32_t count : {s.count, s.late_run, s.since_asked}) out.varint(count);
  out.u8(s.ready ? 1 : 0);
  s.alarm.save(out);
  if (s.detector) {
    s.detector->save(out);
    return;
  }
  out.varint(s.values.size());
  for (std::size_t i = 0; i < s.values.size(); ++i) out.f64(s.values[(s.next + i) % s.values.size()]);
}

std::vector<base::Bytes> AnomalyWatch::save(const FindSeries& find) const {
  // Also of nothing: it replaces what older segments hold.
  std::vector<base::Bytes> parts;
  parts.push_back({version, is_first});
  base::Bytes record;
  const auto add = [&] {
    if (parts.back().size() + record.size() > part_bytes) parts.push_back({version, 0});
    base::Writer(parts.back()).bytes(record);
    record.clear();
  };
  for (const AnomalyOutput& output : pending_) {
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

base::Result<void> AnomalyWatch::restore(base::BytesView part, const FindSeries& find) {
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

base::Result<void> AnomalyWatch::restore_all(const FindSeries& find) {
  // Made beside the present state, so that damage leaves that as it is.
  AnomalyWatch next(limit_);
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
        AnomalyOutput output;
        if (!restore_output(fields, output)) return damaged();
        next.pending_.push_back(std::move(output));
      } else if (kind != series_record || !next.restore_series(record.subspan(1), find)) {
        return damaged();
      }
    }
    if (!in.ok()) return damaged();
  }
  *this = std::move(next);
  return {};
}

// A series whose rule is another one now is left out: what was learnt cannot be read by that.
bool AnomalyWatch::restore_series(base::BytesView record, const FindSeries& find) {
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
  for (std::int64_t* const time : {&s.last, &s.interval, &s.same_since, &s.reported_at}) {
    *time = in.svarint();
    if (*time > most_time || *time < -most_time) return false;
  }
  for (double* const number : {&s.value, &s.resolution, &s.score, &s.reported}) {
    *number = in.f64();
    if (!std::isfinite(*number)) return false;
  }
  for (std::uint32_t* const count : {&s.count, &s.late_run, &s.since_asked})
    *count = static_cast<std::uint32_t>(std::min<std::uint64_t>(in.varint(), 1'000'000));
  s.ready = in.u8() != 0;
  if (s.interval < 0 || s.interval > most_time / 8 || s.resolution < 0 || !s.alarm.restore(in)) return false;
  if (s.alarm.raised()) ++raised_;
  if (s.detector) return s.detector->restore(in) && in.ok() && in.at_end();
  const std::uint64_t values = in.varint();
  if (!in.ok() || values > rules_.at(s.rule).window) return false;
  for (std::uint64_t i = 0; i < values; ++i) {
    const double value = in.f64();
    if (!std::isfinite(value)) return false;
    s.keep(rules_.at(s.rule).window, value);
  }
  return in.ok() && in.at_end();
}

}  // namespace selvedge::engine
