#include "node/ingest.h"

#include <cmath>
#include <utility>

#include "base/text.h"

namespace selvedge::node {

using base::Code;
using base::Result;

namespace {

constexpr std::size_t most_known = 200'000;

// A series keeps the kind of its first reading; numbers of the other kind are converted where
// nothing is lost by it.
Result<model::ValueView> converted(const model::ValueView& value, model::Kind kind) {
  using model::Kind;
  constexpr std::int64_t most = std::int64_t{1} << 53;   // every integer up to it is a double
  if (kind == Kind::float64 && value.kind == Kind::int64 && value.int64 >= -most && value.int64 <= most)
    return model::ValueView::of(static_cast<double>(value.int64));
  if (kind == Kind::int64 && value.kind == Kind::float64 && std::trunc(value.float64) == value.float64 &&
      std::abs(value.float64) <= static_cast<double>(most))
    return model::ValueView::of(static_cast<std::int64_t>(value.float64));
  if (kind == Kind::float64 && value.kind == Kind::boolean)
    return model::ValueView::of(value.boolean ? 1.0 : 0.0);
  return base::fail(Code::conflict, "the series holds " + std::string(model::name(kind)) + ", this is " +
                                        std::string(model::name(value.kind)));
}

}  // namespace

Ingest::Ingest(os::World& world, store::ReadingStore& store, DeadLetters& dead_letters,
               Devices& devices, engine::TopicMap topics, base::Registry& metrics)
    : world_(world),
      store_(store),
      dead_letters_(dead_letters),
      devices_(devices),
      topics_(std::move(topics)),
      received_(metrics.counter("selvedge_readings_received_total", "Readings found in messages.")),
      stored_(metrics.counter("selvedge_readings_stored_total", "Readings taken into the store.")),
      duplicates_(metrics.counter("selvedge_readings_duplicate_total",
                                  "Readings that were there already.")),
      messages_(metrics.counter("selvedge_messages_total", "Messages looked at for readings.")),
      refused_full_(metrics.counter("selvedge_messages_refused_total",
                                    "Messages refused, by reason.", {{"reason", "full"}})),
      refused_bad_(metrics.counter("selvedge_messages_refused_total",
                                   "Messages refused, by reason.", {{"reason", "unreadable"}})) {}

Taken Ingest::message(const IncomingMessage& message) {
  const engine::TopicMatch match =
      topics_.look_up({message.source, message.device, message.client});
  if (match.outcome != engine::TopicMatch::Outcome::readings) return Taken::no_rule;
  if (message.repeated && message.key != 0 && store_.seen_message(message.key)) {
    messages_.add();
    duplicates_.add();
    return Taken::stored;
  }
  const auto name = [&match](std::string_view field, std::string& into) {
    return engine::name_series(match, field, into);
  };
  const auto outcome = decode(message, match.device, *match.payload, name);
  if (outcome) return Taken::stored;
  return outcome.error().code == Code::exhausted ? Taken::full : Taken::bad;
}

Result<std::size_t> Ingest::payload(const IncomingMessage& message, std::string_view prefix,
                                    const codec::payload::Options& options) {
  const auto name = [prefix](std::string_view field, std::string& into) -> Result<void> {
    into = prefix;
    if (!prefix.empty() && !field.empty() && !prefix.ends_with('/')) into += '/';
    into += field;
    if (into.empty() || into.size() > engine::most_series_name_bytes)
      return base::fail(Code::invalid_input, "a reading without a name");
    return {};
  };
  return decode(message, message.device, options, name);
}

template <typename Name>
Result<std::size_t> Ingest::decode(const IncomingMessage& message, std::string_view device,
                                   const codec::payload::Options& options, const Name& name) {
  messages_.add();
  const base::Time arrival = world_.loop().wall_now();
  std::optional<base::Error> trouble;
  std::size_t duplicate = 0;
  bool arrival_time = false;
  const auto found = codec::payload::decode(
      message.payload, options, arrival, [&](const codec::payload::Found& reading) {
        if (trouble) return;
        if (const auto named = name(reading.name, name_); !named) {
          trouble = named.error();
          return;
        }
        arrival_time = arrival_time || !reading.time;
        const auto added = add(device, reading.time.value_or(arrival), reading.value);
        if (!added) trouble = added.error();
        else if (*added == store::Added::duplicate) ++duplicate;
      });
  if (found && !trouble) {
    const auto ended = end_message(arrival_time || fed_only_ ? message.key : 0, arrival);
    if (!ended) trouble = ended.error();
  } else {
    abandon_message();
    // Too many readings in one message is the sender's fault, not a full store.
    if (!found) trouble = base::Error{Code::invalid_input, found.error().message};
  }
  if (trouble) {
    if (trouble->code == Code::exhausted) {
      refused_full_.add();
    } else {
      refused_bad_.add();
      dead_letters_.add(message.source, device, trouble->message, message.payload);
    }
    return std::unexpected(std::move(*trouble));
  }
  received_.add(*found);
  duplicates_.add(duplicate);
  stored_.add(*found - duplicate);
  devices_.seen(device, 1, *found);
  return *found;
}

Result<void> Ingest::readings(std::string_view device, const std::vector<NamedReading>& readings) {
  for (const NamedReading& reading : readings) {
    name_ = reading.series;
    const auto added = add(device, reading.time, reading.value);
    if (!added) {
      abandon_message();
      return std::unexpected(added.error());
    }
  }
  TRY(end_message(0, world_.loop().wall_now()));
  received_.add(readings.size());
  stored_.add(readings.size());
  return {};
}

Result<void> Ingest::end_message(std::uint64_t key, base::Time now) {
  store::MessageNote note;
  if (!fed_.empty()) note.at = now;
  const auto ended = store_.end_message(key, note);
  if (ended)
    for (Fed& fed : fed_) {
      if (fed.value.kind == model::Kind::text) fed.value.text = fed.text;
      if (fed.aggregated) aggregates_->took(fed.series, fed.time, fed.value, now);
      if (fed.watched) anomalies_->took(fed.series, fed.time, fed.value, now);
    }
  fed_.clear();
  fed_only_ = false;
  return ended;
}

void Ingest::abandon_message() {
  store_.abandon_message();
  fed_.clear();
  fed_only_ = false;
}

Result<store::Added> Ingest::add(std::string_view device, base::Time time, model::ValueView value) {
  const auto known = known_.find(std::string_view(name_));
  Known series;
  if (known != known_.end()) {
    series = known->second;
  } else {
    const model::SeriesDef* def = store_.find(name_);
    if (def == nullptr) def = store_.find(TRY(store_.series(name_, value.kind, device)));
    CHECK(def != nullptr);
    series = {def->id, def->kind, aggregates_ == nullptr ? Aggregates::Plan::none : aggregates_->plan(*def),
              anomalies_ != nullptr && anomalies_->watches(*def)};
    if (known_.size() >= most_known) known_.clear();
    known_.emplace(name_, series);
  }
  if (value.kind != series.kind)
    value = TRY(base::while_doing(name_, converted(value, series.kind)));
  store::Adding how;
  const bool aggregated = series.plan != Aggregates::Plan::none;
  if (aggregated && aggregates_->full()) return base::fail(base::Code::exhausted, "aggregates wait to be stored");
  if (series.watched && anomalies_->full()) return base::fail(base::Code::exhausted, "anomalies wait to be stored");
  // Either both are told or none, as the journal has one word for both.
  how.followed = aggregated ? aggregates_->admits(series.id, time) : series.watched;
  how.journal_only = how.followed && series.plan == Aggregates::Plan::take_only;
  const store::Added added = TRY(store_.add(series.id, time, value, how));
  if (how.followed && added == store::Added::stored) {
    fed_.push_back({series.id, time, value, std::string(value.text), aggregated, series.watched});
    fed_only_ = fed_only_ || how.journal_only;
  }
  if (told_ && added != store::Added::duplicate) told_(series.id, name_, device, time, value);
  return added;
}

}  // namespace selvedge::node
