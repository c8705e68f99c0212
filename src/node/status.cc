#include "base/json.h"
#include "node/state.h"

namespace selvedge::node {

using base::Result;

std::string Node::State::status_json() const {
  const store::StoreStats s = store->stats();
  base::JsonWriter json;
  json.begin_object()
      .field("name", name())
      .field("joined", identity.has_value())
      .field("uplink_connected", uplink != nullptr && uplink->stats().connected)
      .field("uptime_seconds",
             std::chrono::duration<double>(world.loop().now() - started).count())
      .field("connections", mqtt->stats().connections)
      .field("series", s.series)
      .field("readings", s.readings_added)
      .field("duplicates", s.readings_duplicate)
      .field("readings_open", s.readings_open)
      .field("blocks_sealed", s.blocks_sealed)
      .field("frame_bytes", s.frame_bytes)
      .field("blocks_undelivered", s.blocks_undelivered)
      .field("bytes_undelivered", s.bytes_undelivered)
      .field("blocks_dropped", s.blocks_dropped)
      .field("backlog_seconds", backlog_seconds(s))
      .field("dead_letters", dead_letters->count())
      .key("cameras")
      .raw(cameras->summary_json())
      .key("tasks")
      .raw(tasks->summary_json())
      .field("certificate_until",
             renewal ? base::to_iso8601(renewal->certificate().not_after) : std::string())
      .field("certificate_renewal_at", renewal ? base::to_iso8601(renewal->due()) : std::string())
      .field("certificate_failure", renewal ? renewal->last_failure() : std::string())
      .field("journal_bytes", s.journal.bytes)
      .field("block_log_bytes", s.blocks.bytes)
      .end_object();
  return json.take();
}

double Node::State::backlog_seconds(const store::StoreStats& s) const {
  if (s.blocks_undelivered == 0 || s.oldest_undelivered.ns == 0) return 0;
  return std::chrono::duration<double>(world.loop().wall_now() - s.oldest_undelivered).count();
}

Result<void> Node::State::ready() const {
  const store::StoreStats s = store->stats();
  if (s.journal.full || s.blocks.full)
    return base::fail(base::Code::exhausted, "the store is full");
  return {};
}

void Node::State::make_metrics() {
  commit_seconds = &metrics.histogram("selvedge_commit_seconds",
                                      "From a group of messages to its place on disk.",
                                      base::latency_bounds());
  const auto gauge = [this](const char* metric, const char* help, auto read) {
    metrics.gauge_from(metric, help,
                       [this, read] { return static_cast<double>(read(store->stats())); });
  };
  const auto counter = [this](const char* metric, const char* help, auto read) {
    metrics.counter_from(metric, help,
                         [this, read] { return static_cast<double>(read(store->stats())); });
  };
  using S = const store::StoreStats&;
  gauge("selvedge_store_series", "Series known.", [](S s) { return s.series; });
  gauge("selvedge_store_open_readings", "Readings in open columns.", [](S s) { return s.readings_open; });
  gauge("selvedge_store_memory_bytes", "Memory of open columns.", [](S s) { return s.memory_bytes; });
  gauge("selvedge_store_undelivered_bytes", "Blocks not yet acknowledged by the cloud.",
        [](S s) { return s.bytes_undelivered; });
  gauge("selvedge_store_undelivered_blocks", "Blocks not yet acknowledged by the cloud.",
        [](S s) { return s.blocks_undelivered; });
  gauge("selvedge_store_journal_bytes", "Journal on disk.", [](S s) { return s.journal.bytes; });
  gauge("selvedge_store_block_bytes", "Block log on disk.", [](S s) { return s.blocks.bytes; });
  gauge("selvedge_store_full", "1 while new readings are refused.",
        [](S s) { return s.journal.full || s.blocks.full ? 1 : 0; });
  gauge("selvedge_store_last_sync_seconds", "Duration of the journal's last fdatasync.",
        [](S s) { return std::chrono::duration<double>(s.journal.last_sync).count(); });
  counter("selvedge_blocks_sealed_total", "Blocks sealed.", [](S s) { return s.blocks_sealed; });
  counter("selvedge_frame_bytes_total", "Bytes of sealed blocks.", [](S s) { return s.frame_bytes; });
  counter("selvedge_blocks_dropped_total", "Undelivered blocks dropped because the store was full.",
          [](S s) { return s.blocks_dropped; });
  counter("selvedge_store_commit_failures_total", "Writes or syncs that failed and were repeated.",
          [](S s) { return s.journal.commit_failures + s.blocks.commit_failures; });
  metrics.gauge_from("selvedge_backlog_seconds", "Age of the oldest block the cloud has not acknowledged.",
                     [this] { return backlog_seconds(store->stats()); });
  metrics.gauge_from("selvedge_mqtt_connections", "Connections open.",
                     [this] { return static_cast<double>(mqtt->stats().connections); });
  metrics.gauge_from("selvedge_mqtt_sessions", "Sessions kept.",
                     [this] { return static_cast<double>(mqtt->stats().sessions); });
  metrics.gauge_from("selvedge_mqtt_queued_bytes", "Messages waiting for sessions.",
                     [this] { return static_cast<double>(mqtt->stats().queued_bytes); });
  metrics.counter_from("selvedge_mqtt_publishes_received_total", "Publishes from clients.",
                       [this] { return static_cast<double>(mqtt->stats().publishes_received); });
  metrics.counter_from("selvedge_mqtt_publishes_sent_total", "Publishes to subscribers.",
                       [this] { return static_cast<double>(mqtt->stats().publishes_sent); });
  const auto dropped = [this](const char* reason, std::uint64_t engine::BrokerStats::* field) {
    metrics.counter_from("selvedge_mqtt_dropped_total", "Messages not delivered to a subscriber.",
                         [this, field] { return static_cast<double>(mqtt->stats().*field); },
                         {{"reason", reason}});
  };
  dropped("slow", &engine::BrokerStats::dropped_slow);
  dropped("full", &engine::BrokerStats::dropped_full);
  dropped("expired", &engine::BrokerStats::dropped_expired);
  metrics.counter_from("selvedge_mqtt_protocol_errors_total", "Connections ended for an error.",
                       [this] { return static_cast<double>(mqtt->stats().protocol_errors); });
  metrics.counter_from("selvedge_mqtt_refused_logins_total", "Logins refused.",
                       [this] { return static_cast<double>(mqtt->stats().refused_logins); });
}

}  // namespace selvedge::node
