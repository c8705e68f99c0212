// DerivedReadings: what an engine makes of the readings in the store's journal (engine::Aggregator,
// engine::AnomalyWatch), stored as readings of series of its own.
//
// What comes out waits in the engine's pending() and is stored in its order, in messages with MessageNote::derived.
// While the store is full it waits there, and is tried again every second. After a restart the journal says what of it
// is stored already (store/journal_follower.h). Belongs to the loop thread.

#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "engine/derive/derived_name.h"
#include "os/world.h"
#include "store/reading_store.h"

namespace selvedge::node {

template <typename Engine>
class DerivedReadings {
 public:
  using FindSeries = store::JournalFollower::FindSeries;
  using EachSeries = store::JournalFollower::EachSeries;

  // `component` is that of the log; `unstored` counts what no series could take.
  DerivedReadings(os::World& world, Engine& engine, std::string_view component, base::Counter& unstored)
      : world_(world), engine_(engine), component_(component), unstored_(unstored) {}
  ~DerivedReadings() { world_.loop().cancel(retry_); }
  DerivedReadings(const DerivedReadings&) = delete;
  DerivedReadings& operator=(const DerivedReadings&) = delete;

  void begin(FindSeries find, EachSeries each) {
    find_ = std::move(find);
    each_ = std::move(each);
    find_derived();
  }
  const FindSeries& find() const { return find_; }
  // The store, now open; `ask` asks for a commit, and that one for a flush().
  void attach(store::ReadingStore& store, std::function<void()> ask) {
    store_ = &store;
    ask_ = std::move(ask);
    flush();
  }
  // The engine has other rules. Code::exhausted: a crash would find the old state.
  base::Result<void> rules_changed() {
    outputs_.clear();
    find_derived();
    const auto saved = store_->save_follower();
    flush();
    return saved;
  }

  bool contains(model::SeriesId series) const {
    const auto id = static_cast<std::size_t>(series);
    return id < derived_.size() && derived_[id];
  }
  // So much waits to be stored that nothing more may be taken before it is.
  bool full() const { return engine_.pending().size() >= most_pending; }
  // Stores what came out.
  void flush();
  // The same with the next commit, which is asked for.
  void flush_soon() {
    if (retry_ == os::TimerId::none && !engine_.pending().empty()) ask_();
  }
  // What was stored before the restart is not stored again.
  void came_back(const model::SeriesDef& series, base::Time time, const model::ValueView& value);
  // Nothing is stored from now on: the store closes.
  void stop() {
    stopped_ = true;
    world_.loop().cancel(retry_);
  }

 private:
  using Output = std::remove_cvref_t<decltype(std::declval<Engine&>().pending().front())>;
  static constexpr std::size_t most_pending = 64 * 1024;
  static constexpr std::size_t stored_at_once = 1000, text_at_once = 512 << 10;   // in one message of the store
  // How far behind the first of what is pending a stored output is looked for.
  static constexpr std::ptrdiff_t looked_through = 256;
  static constexpr base::Duration retry_after = std::chrono::seconds(1);

  void mark(model::SeriesId series) {
    const auto id = static_cast<std::size_t>(series);
    if (derived_.size() <= id) derived_.resize(id + 1);
    derived_[id] = true;
  }
  void find_derived();
  base::Result<model::SeriesId> series_of(const Output& output, const engine::DerivedReading& reading);
  bool store_some();

  os::World& world_;
  Engine& engine_;
  std::string_view component_;
  base::Counter& unstored_;
  FindSeries find_ = [](model::SeriesId) { return nullptr; };
  EachSeries each_;
  store::ReadingStore* store_ = nullptr;
  std::function<void()> ask_;
  std::vector<bool> derived_;          // by number of the series
  std::unordered_map<std::uint64_t, model::SeriesId> outputs_;   // by source and slot
  os::TimerId retry_{};                // set while the store refuses
  bool stopped_ = false;
  base::log::Throttle log_limit_{1, std::chrono::seconds(10)};
};

// Which series are derived follows from the names of those that could be their sources.
template <typename Engine>
void DerivedReadings<Engine>::find_derived() {
  derived_.clear();
  const auto& rules = engine_.rules();
  if (rules.empty()) return;
  std::unordered_map<std::string_view, model::SeriesId> by_name;
  each_([&](const model::SeriesDef& def) {
    by_name.emplace(def.name, def.id);
    return true;
  });
  each_([&](const model::SeriesDef& def) {
    const auto rule = rules.find(def.name, def.kind);
    if (!rule) return true;
    for (const std::string_view output : rules.at(*rule).outputs()) {
      const auto name = rules.derived(*rule, def, output);
      if (!name || *name == def.name) continue;
      if (const auto at = by_name.find(*name); at != by_name.end()) mark(at->second);
    }
    return true;
  });
}

template <typename Engine>
base::Result<model::SeriesId> DerivedReadings<Engine>::series_of(const Output& output,
                                                                 const engine::DerivedReading& reading) {
  const std::uint64_t key = std::uint64_t{output.series} << 16 | reading.slot;
  const bool usual = output.name.empty();
  if (usual)
    if (const auto known = outputs_.find(key); known != outputs_.end()) return known->second;
  const std::string name = TRY(engine_.derived_name(output, find_));
  const model::SeriesDef* const source = find_(model::SeriesId{output.series});
  const model::SeriesId id =
      TRY(store_->series(name, reading.value.kind, source == nullptr ? std::string_view() : source->device));
  if (source == nullptr || name != source->name) mark(id);
  if (usual) outputs_.emplace(key, id);
  return id;
}

// Stores some of what is pending as one message. False if it must be tried again later.
template <typename Engine>
bool DerivedReadings<Engine>::store_some() {
  auto& pending = engine_.pending();
  std::size_t count = 0, text = 0;
  for (; count < std::min(pending.size(), stored_at_once) && text < text_at_once; ++count) {
    const Output& output = pending[count];
    const engine::DerivedReading reading = output.reading();
    text += reading.value.text.size();
    const auto series = series_of(output, reading);
    const auto added = series ? store_->add(*series, reading.time, reading.value)
                              : base::Result<store::Added>(std::unexpected(series.error()));
    if (added) continue;
    if (series && added.error().code == base::Code::exhausted) {   // of room, which comes again
      store_->abandon_message();
      return false;
    }
    unstored_.add();
    if (log_limit_.pass(world_.loop().now()))
      base::log::warn(component_, "what came out could not be stored", {{"why", added.error()}});
  }
  store::MessageNote note;
  note.derived = true;
  if (!store_->end_message(0, note)) return false;
  pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(count));
  return true;
}

template <typename Engine>
void DerivedReadings<Engine>::flush() {
  if (store_ == nullptr || stopped_ || retry_ != os::TimerId::none) return;
  while (!engine_.pending().empty()) {
    if (store_some()) continue;
    retry_ = world_.loop().after(retry_after, [this] {
      retry_ = os::TimerId::none;
      flush_soon();
    });
    return;
  }
}

template <typename Engine>
void DerivedReadings<Engine>::came_back(const model::SeriesDef& series, base::Time time,
                                        const model::ValueView& value) {
  auto& pending = engine_.pending();
  const auto end = pending.begin() + std::min(static_cast<std::ptrdiff_t>(pending.size()), looked_through);
  const auto at = std::find_if(pending.begin(), end, [&](const Output& output) {
    const engine::DerivedReading reading = output.reading();
    if (reading.time != time || !(reading.value == value)) return false;
    const auto name = engine_.derived_name(output, find_);
    return name && *name == series.name;
  });
  if (at != end) pending.erase(at);
}

}  // namespace selvedge::node
