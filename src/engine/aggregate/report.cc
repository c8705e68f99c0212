#include "engine/aggregate/report.h"

#include <cmath>
#include <utility>

#include "engine/aggregate/saved_sample.h"

namespace selvedge::engine {

bool Reporter::changed(const AggregateRule& rule, model::Kind kind, const Sample& sample) const {
  if (!has_last_) return true;
  if (rule.max_interval.count() > 0 && sample.time - last_.time >= rule.max_interval.count()) return true;
  if (kind == model::Kind::text) return sample.text != last_.text;
  if (kind == model::Kind::boolean) return sample.bits != last_.bits;
  if (kind == model::Kind::int64 && rule.dead_band == 0 && rule.relative == 0)
    return sample.bits != last_.bits;
  const double now = number_of(kind, sample.bits), last = number_of(kind, last_.bits);
  if (std::isnan(now) || std::isnan(last)) return std::isnan(now) != std::isnan(last);
  if (std::isinf(now) || std::isinf(last)) return now != last;
  return std::abs(now - last) > std::max(rule.dead_band, rule.relative * std::abs(last));
}

void Reporter::report(const Sample& sample, std::vector<Sample>& out) {
  out.push_back(sample);
  last_ = sample;
  has_last_ = true;
  deferred_.reset();
}

void Reporter::end_period(std::vector<Sample>& out) {
  if (!std::exchange(has_latest_, false)) return;
  report(Sample(latest_), out);
}

void Reporter::take(const AggregateRule& rule, model::Kind kind, const Sample& sample,
                    std::vector<Sample>& out) {
  if (const auto end = period_end(rule); end && sample.time >= *end) end_period(out);
  if (deferred_ && sample.time >= last_.time + rule.min_interval.count()) {
    // A copy, as report() lets go of what it is given.
    const Sample due = *deferred_;
    if (has_latest_ && latest_.time == due.time && latest_.bits == due.bits) has_latest_ = false;
    report(due, out);
  }
  // Texts have no numbers to be the latest of, and are reported as they change.
  const bool by_change = rule.report != Report::period || kind == model::Kind::text;
  bool reported = false;
  if (by_change) {
    if (!changed(rule, kind, sample)) {
      deferred_.reset();
    } else if (has_last_ && sample.time - last_.time < rule.min_interval.count()) {
      deferred_ = sample;
    } else {
      report(sample, out);
      reported = true;
    }
  }
  if (rule.period.count() == 0 || kind == model::Kind::text) return;
  has_latest_ = !reported;
  if (has_latest_) latest_ = sample;
}

void Reporter::pass(const AggregateRule& rule, std::int64_t time, base::Duration silent,
                    std::vector<Sample>& out) {
  if (deferred_ && silent >= rule.min_interval) {
    const Sample due = *deferred_;
    if (has_latest_ && latest_ == due) has_latest_ = false;
    report(due, out);
  }
  if (const auto end = period_end(rule); end && time >= *end) end_period(out);
}

std::optional<base::Duration> Reporter::waits(const AggregateRule& rule) const {
  if (!deferred_) return std::nullopt;
  return rule.min_interval;
}

std::optional<std::int64_t> Reporter::period_end(const AggregateRule& rule) const {
  if (!has_latest_ || rule.period.count() == 0) return std::nullopt;
  return floor_to(latest_.time, rule.period.count()) + rule.period.count();
}

void Reporter::finish(std::vector<Sample>& out) {
  if (has_latest_) end_period(out);
  else if (deferred_) report(Sample(*deferred_), out);
}

void Reporter::save(base::Writer& out) const {
  out.u8(static_cast<std::uint8_t>((has_last_ ? 1 : 0) | (deferred_ ? 2 : 0) | (has_latest_ ? 4 : 0)));
  if (has_last_) save_sample(last_, out);
  if (deferred_) save_sample(*deferred_, out);
  if (has_latest_) save_sample(latest_, out);
}

void Reporter::restore(base::Reader& in) {
  const std::uint8_t flags = in.u8();
  has_last_ = flags & 1;
  if (has_last_) last_ = restore_sample(in);
  deferred_.reset();
  if (flags & 2) deferred_ = restore_sample(in);
  has_latest_ = flags & 4;
  if (has_latest_) latest_ = restore_sample(in);
}

}  // namespace selvedge::engine
