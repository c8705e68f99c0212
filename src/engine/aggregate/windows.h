// Windows: tumbling and sliding windows of one series, from panes as long as the slide.
//
// Windows are [k * slide, k * slide + window), counted from 1970. One comes out when no reading before
// its end can come any more, if it holds a reading; what comes out carries the window's start. Readings
// come in time order. For the time-weighted mean a reading holds until the next one, at most one window
// long, also into the windows after its own; time for which nothing is held does not weigh.
//
// step(input, now) -> outputs. Memory: window / slide + 1 panes.

#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "engine/aggregate/pane.h"

namespace selvedge::engine {

// What a function made, or a reading that is reported.
struct Derived {
  std::uint16_t slot = 0;              // place of the function; their number: reported
  model::Kind kind = model::Kind::float64;
  Sample sample;
};

class Windows {
 public:
  explicit Windows(const AggregateRule& rule) : needs_(needs_of(rule)) {}

  void take(const AggregateRule& rule, model::Kind kind, const Sample& sample, std::vector<Derived>& out);
  // No reading before `time` comes any more.
  void pass(const AggregateRule& rule, model::Kind kind, std::int64_t time, std::vector<Derived>& out);
  // When the next window ends that holds a reading.
  std::optional<std::int64_t> next_end() const;
  // All that are open end now.
  void finish(const AggregateRule& rule, model::Kind kind, std::vector<Derived>& out);

  // Whether a reading of this time asks for a further pane.
  bool needs_pane(const AggregateRule& rule, std::int64_t time) const;
  std::size_t bytes() const;
  void save(base::Writer& out) const;
  bool restore(const AggregateRule& rule, base::Reader& in);

 private:
  struct Held {
    double value = 0;
    std::int64_t from = 0;             // time of the reading
    std::int64_t since = 0, until = 0; // what is not counted yet; nothing once they meet
  };
  Pane& pane_at(std::int64_t start);
  void credit(std::int64_t step, std::int64_t upto);
  void emit(const AggregateRule& rule, model::Kind kind, std::vector<Derived>& out);

  PaneNeeds needs_;
  std::deque<Pane> panes_;             // ascending; some stretches have none
  std::int64_t next_end_ = 0;          // meaningless without panes
  Held held_;
};

}  // namespace selvedge::engine
