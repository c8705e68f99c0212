#include "engine/aggregate/windows.h"

#include <algorithm>
#include <cmath>

#include "engine/aggregate/saved_sample.h"

namespace selvedge::engine {

Pane& Windows::pane_at(std::int64_t start) {
  if (panes_.empty() || panes_.back().start() < start) panes_.emplace_back(start);
  return panes_.back();
}

// Counts what is held up to a moment, pane by pane.
void Windows::credit(std::int64_t step, std::int64_t upto) {
  const std::int64_t to = std::min(upto, held_.until);
  while (held_.since < to) {
    const std::int64_t start = floor_to(held_.since, step);
    const std::int64_t end = std::min(to, start + step);
    pane_at(start).hold(held_.value, end - held_.since);
    held_.since = end;
  }
}

void Windows::emit(const AggregateRule& rule, model::Kind kind, std::vector<Derived>& out) {
  const std::int64_t start = next_end_ - rule.window.count();
  Pane window(start);
  for (const Pane& pane : panes_)
    if (pane.start() < next_end_) window.join(pane, kind, needs_);
  if (window.count() == 0) return;
  for (std::size_t i = 0; i < rule.functions.size(); ++i) {
    const model::Kind made = kind_of(rule.functions[i], kind);
    out.push_back({static_cast<std::uint16_t>(i), made, {start, window.value(rule.functions[i]), {}}});
  }
}

void Windows::pass(const AggregateRule& rule, model::Kind kind, std::int64_t time,
                   std::vector<Derived>& out) {
  const std::int64_t step = rule.step().count();
  while (!panes_.empty() && next_end_ <= time) {
    if (needs_.held) credit(step, next_end_);
    emit(rule, kind, out);
    next_end_ += step;
    while (!panes_.empty() && panes_.front().start() < next_end_ - rule.window.count()) panes_.pop_front();
    // What is only held makes no window.
    if (std::ranges::all_of(panes_, [](const Pane& pane) { return pane.count() == 0; })) panes_.clear();
  }
}

void Windows::take(const AggregateRule& rule, model::Kind kind, const Sample& sample,
                   std::vector<Derived>& out) {
  pass(rule, kind, sample.time, out);
  const std::int64_t step = rule.step().count();
  const std::int64_t start = floor_to(sample.time, step);
  if (panes_.empty()) {
    next_end_ = start + step;
    held_.since = std::max(held_.from, next_end_ - rule.window.count());
  }
  if (needs_.held) credit(step, sample.time);
  pane_at(start).add(kind, sample, needs_);
  if (!needs_.held) return;
  const double value = number_of(kind, sample.bits);
  held_ = {value, sample.time, sample.time, std::isnan(value) ? sample.time : sample.time + rule.window.count()};
}

std::optional<std::int64_t> Windows::next_end() const {
  if (panes_.empty()) return std::nullopt;
  return next_end_;
}

void Windows::finish(const AggregateRule& rule, model::Kind kind, std::vector<Derived>& out) {
  pass(rule, kind, INT64_MAX, out);
}

bool Windows::needs_pane(const AggregateRule& rule, std::int64_t time) const {
  return panes_.empty() || panes_.back().start() < floor_to(time, rule.step().count());
}

std::size_t Windows::bytes() const {
  if (!needs_.quantiles) return panes_.size() * sizeof(Pane);
  std::size_t bytes = 0;
  for (const Pane& pane : panes_) bytes += pane.bytes();
  return bytes;
}

void Windows::save(base::Writer& out) const {
  out.svarint(next_end_);
  out.f64(held_.value);
  out.svarint(held_.from);
  out.svarint(held_.since);
  out.svarint(held_.until);
  out.varint(panes_.size());
  for (const Pane& pane : panes_) pane.save(needs_, out);
}

bool Windows::restore(const AggregateRule& rule, base::Reader& in) {
  const std::int64_t step = rule.step().count();
  next_end_ = floor_to(sane_time(in.svarint()), step);
  held_.value = in.f64();
  held_.from = sane_time(in.svarint());
  held_.since = std::max(held_.from, sane_time(in.svarint()));
  held_.until = std::min(sane_time(in.svarint()), held_.from + rule.window.count());
  const std::uint64_t count = in.varint();
  if (!in.ok() || count > AggregateRule::most_slides + 2) return false;
  panes_.clear();
  std::int64_t before = INT64_MIN;
  for (std::uint64_t i = 0; i < count; ++i) {
    Pane pane;
    if (!pane.restore(needs_, in) || pane.start() <= before || sane_time(pane.start()) != pane.start() ||
        pane.start() != floor_to(pane.start(), step) || pane.start() < next_end_ - rule.window.count() ||
        pane.start() >= next_end_)
      return false;
    before = pane.start();
    panes_.push_back(std::move(pane));
  }
  return true;
}

}  // namespace selvedge::engine
