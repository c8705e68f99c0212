// Ingest: a message from a device becomes readings in the store, and an answer when it is on disk.
//
// Payload decoding, series lookup, dead letters for what cannot be read, and groups: all messages of
// one loop turn share one commit. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "codec/payload/payload.h"
#include "engine/rules/topic_map.h"
#include "node/aggregates.h"
#include "node/anomalies.h"
#include "node/dead_letters.h"
#include "node/devices.h"
#include "os/world.h"
#include "store/reading_store.h"

namespace selvedge::node {

struct IncomingMessage {
  std::string_view source;           // MQTT topic, or the endpoint
  std::string_view client, device;
  base::BytesView payload;
  // Identifies the message for recognising its repetition when its readings carry arrival time;
  // 0: it cannot be recognised.
  std::uint64_t key = 0;
  bool repeated = false;             // the sender says that it may have sent this before
};

// A reading whose series is named whole.
struct NamedReading {
  std::string series;
  base::Time time{};
  model::ValueView value;
};

enum class Taken : std::uint8_t {
  stored,    // in the store's hands: durable after commit()
  no_rule,   // not meant as readings
  bad,       // in the dead letters
  full,      // refused: the store is full
};

class Ingest {
 public:
  Ingest(os::World& world, store::ReadingStore& store, DeadLetters& dead_letters, Devices& devices,
         engine::TopicMap topics, base::Registry& metrics);

  // Has readings aggregated as well; `aggregates` must outlive this.
  void aggregate(Aggregates& aggregates) { aggregates_ = &aggregates; }
  // Has readings watched as well; `anomalies` must outlive this.
  void watch(Anomalies& anomalies) { anomalies_ = &anomalies; }
  // The rules of the aggregates or anomalies are others now.
  void forget_plans() { known_.clear(); }

  Taken message(const IncomingMessage& message);
  // The same with decoding options of one's own; series are `prefix` and the field's name. Says
  // how many readings were found, or why not.
  base::Result<std::size_t> payload(const IncomingMessage& message, std::string_view prefix,
                                    const codec::payload::Options& options);
  // Told of every reading that was added, while it is added.
  using Told = std::function<void(model::SeriesId id, std::string_view series, std::string_view device,
                                  base::Time time, const model::ValueView& value)>;
  void on_reading(Told told) { told_ = std::move(told); }
  // Readings found by other means, as one message.
  base::Result<void> readings(std::string_view device, const std::vector<NamedReading>& readings);

  // From the next message on.
  void set_topics(engine::TopicMap topics) { topics_ = std::move(topics); }

 private:
  // Decodes and stores one message; `name` makes the series name of a field.
  template <typename Name>
  base::Result<std::size_t> decode(const IncomingMessage& message, std::string_view device,
                                   const codec::payload::Options& options, const Name& name);
  // Adds one reading to the series whose name stands in name_.
  base::Result<store::Added> add(std::string_view device, base::Time time, model::ValueView value);
  // Ends the message in the store, and then tells aggregates and anomalies.
  base::Result<void> end_message(std::uint64_t key, base::Time now);
  void abandon_message();

  os::World& world_;
  store::ReadingStore& store_;
  DeadLetters& dead_letters_;
  Devices& devices_;
  engine::TopicMap topics_;
  Told told_;
  std::string name_;                 // of the series being looked up; reused
  // Series by name, so that the store is asked once.
  struct Known {
    model::SeriesId id{};
    model::Kind kind{};
    Aggregates::Plan plan = Aggregates::Plan::none;
    bool watched = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Known, Hash, std::equal_to<>> known_;
  Aggregates* aggregates_ = nullptr;
  Anomalies* anomalies_ = nullptr;
  // Readings of the message that aggregates and anomalies are to be told of.
  struct Fed {
    model::SeriesId series{};
    base::Time time{};
    model::ValueView value;
    std::string text;                // that of the value
    bool aggregated = false, watched = false;
  };
  std::vector<Fed> fed_;
  bool fed_only_ = false;            // some of them are nowhere but in the journal

  base::Counter& received_;
  base::Counter& stored_;
  base::Counter& duplicates_;
  base::Counter& messages_;
  base::Counter& refused_full_;
  base::Counter& refused_bad_;
};

}  // namespace selvedge::node
