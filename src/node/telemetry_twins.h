// TelemetryTwins: readings that update what twins report, by rules of the config, at stream speed.
//
// A series is matched once, when it is first seen; after that a reading costs a look-up by its number
// and keeps the latest value. One edit a twin carries the values that are due: at once after a quiet
// time, then at most one for a leaf and interval, and none for a number that moved less than the
// deadband. Readings older than the latest are no news. What comes this way is in the history of its
// series, so the twin says which: attributes/history/"<feature>/<property>".
//
// At most `most_leaves` are followed; series beyond are left out and counted. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "model/reading.h"
#include "os/world.h"
#include "store/twin_store.h"

namespace selvedge::node {

struct TelemetryRule {
  std::string series;                    // '*' is any text
  std::string feature, property;         // {1} to {9}: what the stars were; '/' goes deeper
  base::Duration min_interval = std::chrono::seconds(1);
  double deadband = 0;                   // of numbers
};

// Code::invalid_input says what is wrong with it.
base::Result<void> check(const TelemetryRule& rule);

class TelemetryTwins {
 public:
  static constexpr std::size_t most_leaves = 200'000;

  TelemetryTwins(os::World& world, store::TwinStore& twins, base::Registry& metrics,
                 std::vector<TelemetryRule> rules, std::function<std::string()> node);
  ~TelemetryTwins();
  TelemetryTwins(const TelemetryTwins&) = delete;
  TelemetryTwins& operator=(const TelemetryTwins&) = delete;

  void reading(model::SeriesId id, std::string_view series, std::string_view device, base::Time time,
               const model::ValueView& value) {
    const auto at = static_cast<std::size_t>(id);
    if (at < by_series_.size() && by_series_[at] == ignored) return;
    take(at, series, device, time, value);
  }
  // True while an edit of ours runs: its changes need no history of their own.
  bool is_editing() const { return editing_; }

 private:
  struct Leaf {
    const TelemetryRule* rule = nullptr;
    std::string device, feature, property, series;
    model::Kind kind{};
    double number = 0;
    std::int64_t integer = 0;
    std::string text;
    base::Time time{};
    base::Instant not_before{};
    double told = 0;                     // the number last told
    bool was_told = false, waiting = false;
  };
  static constexpr std::uint32_t unknown = 0, ignored = ~std::uint32_t{0};

  void take(std::size_t at, std::string_view series, std::string_view device, base::Time time,
            const model::ValueView& value);
  std::uint32_t resolve(std::string_view series, std::string_view device);
  bool is_news(const Leaf& leaf) const;
  void plan(const Leaf& leaf);
  void flush();
  void edit(std::span<Leaf* const> of_one_device);

  os::World& world_;
  store::TwinStore& twins_;
  std::vector<TelemetryRule> rules_;
  std::function<std::string()> node_;
  std::vector<std::uint32_t> by_series_;   // number of the leaf + 1, or unknown, or ignored
  std::vector<std::unique_ptr<Leaf>> leaves_;
  std::vector<Leaf*> waiting_;
  os::TimerId timer_{};
  base::Instant timer_at_{};
  bool editing_ = false;
  base::Counter& edits_;
  base::Counter& coalesced_;
  base::Counter& refused_;
};

}  // namespace selvedge::node
