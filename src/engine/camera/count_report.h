// CountReport: what is worth saying of what was found in the pictures of a camera: counts that changed,
// and now and then those that did not.
//
// Only labels that are wanted and scores that are high enough count. A count is believed when it was the same
// in `confirm` pictures in a row, so that something at the edge of being seen does not flutter. Labels are
// bounded: those beyond `most_labels` count in the total alone. step(input, now) -> report. One thread; no clock.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "engine/vision/found.h"

namespace selvedge::engine {

struct CountRule {
  std::vector<std::string> labels;               // that count; empty: all
  double least_score = 0;
  std::uint32_t confirm = 1;                     // pictures
  base::Duration report = std::chrono::seconds(60);   // counts are said so often though nothing changes; zero: never
  base::Duration list = std::chrono::seconds(1); // at most one list of what was found in this time
};

class CountReport {
 public:
  static constexpr std::size_t most_labels = 64;

  struct Count {
    std::string label;                           // as a level of a series' name; "": of all
    std::int64_t count = 0;
  };
  struct Report {
    std::vector<Count> counts;                   // to be said
    std::vector<Detection> found;                // that count, best first
    bool list = false;                           // `found` is to be said too
    bool changed = false;                        // some count did
  };

  explicit CountReport(CountRule rule) : rule_(std::move(rule)) {}

  Report step(std::span<const Detection> found, base::Time now);
  // Of the best of a classifier: it counts as one thing found.
  Report step(std::span<const Ranked> ranked, base::Time now);

 private:
  struct Seen {
    std::int64_t said = -1;                      // -1: nothing yet
    std::int64_t last = 0;
    std::uint32_t run = 0;                       // pictures in which it was `last`
  };
  bool wanted(const std::string& name, float score) const;
  bool believe(Seen& seen, std::int64_t count) const;

  CountRule rule_;
  std::map<std::string, Seen> labels_;           // "" is the total
  std::optional<base::Time> said_at_, listed_at_;
};

// A label as a level of a series' name: what may not stand there becomes '_'.
std::string level_of_label(const Detection& found);

// {"detections":[{"label":"Dog","score":0.81,"box":[..]},..]} with as many as fit into `most` bytes, and how
// many there were ("more") if that is not all.
std::string detections_json(std::span<const Detection> found, std::size_t most);

}  // namespace selvedge::engine
