#include "node/config.h"

#include <set>

#include "base/text.h"
#include "codec/payload/payload.h"
#include "crypto/crypto.h"
#include "engine/seal/frame_sealer.h"
#include "engine/site/beat.h"
#include "node/aggregates.h"
#include "node/anomalies.h"
#include "node/cameras.h"
#include "node/own_topics.h"

namespace selvedge::node {

using base::Code;
using base::fail;
using base::Result;

void bind_topic(settings::Settings& s, TopicConfig& t) {
  s.bind("filter", t.filter, "Topic filter (MQTT wildcards); the first that matches decides.");
  s.bind_word("format", t.format,
              {"detect", "number", "json", "ndjson", "senml-json", "senml-cbor", "line-protocol"},
              "What the payload is.");
  s.bind("series", t.series, "Name of the series: {topic}, {1} to {9}, {device}, {client}, {field}.");
  s.bind("device", t.device, "Name of the device, from the same words.");
  s.bind("time-field", t.time_field, "JSON: the field with the time; empty: ts, time, timestamp, t.");
  s.bind("name-field", t.name_field, "JSON: the field whose text names the series.");
  s.bind("value-field", t.value_field, "JSON, with name-field: the field with the value.");
  s.bind_word("time-unit", t.time_unit, {"auto", "s", "ms", "us", "ns"}, "Unit of numeric times.");
  s.bind("ignore", t.ignore, "Take no readings from these topics; the broker serves them all the same.");
  s.bind("text-values", t.text_values, "Keep text fields as text series.");
}

namespace {

void bind_pull(settings::Settings& s, PullConfig& p) {
  s.bind("name", p.name, "Name of the source; the device of its readings.");
  s.bind("urls", p.urls, "What to get, all at once, each period.");
  s.bind_word("format", p.format, {"json", "ndjson", "senml-json", "senml-cbor", "line-protocol", "number"},
              "What the answer is.");
  s.bind("series", p.series, "\"name=/json/pointer\": which values; empty: every field.");
  s.bind("series-prefix", p.series_prefix, "In front of every series; default name and host.");
  s.bind("period", p.period, "How often.");
  s.bind("timeout", p.timeout, "For one answer.");
  s.bind("per-host", p.per_host, "Connections to one host at a time.", 1, 10'000);
}

void bind_twin(settings::Settings& s, TwinConfig& t) {
  s.bind("series", t.series, "Series whose readings update twins; '*' is any text.");
  s.bind("feature", t.feature, "Feature of the device's twin; {1} to {9} are what the stars were.");
  s.bind("property", t.property, "Property of that feature, with the same words; '/' goes deeper.");
  s.bind("min-interval", t.min_interval, "At most one change of a property in this time.");
  s.bind("deadband", t.deadband, "A number that moved by this or less is no change.");
}

}  // namespace

void NodeConfig::bind_to(settings::Settings& s) {
  s.bind("name", name, "Name of this node; empty: as in its certificate.");
  s.bind("state", state, "Directory of everything the node keeps.");
  s.bind_word("log.level", log_level, {"debug", "info", "warn", "error", "off"}, "What is logged.");
  s.bind_word("log.format", log_format, {"text", "json"}, "Lines for people or for machines.");

  s.bind("mqtt.listen", mqtt_listen, "Plain listeners for devices.");
  s.bind("mqtt.tls-listen", mqtt_tls_listen, "TLS listeners for devices; open once the node has joined.");
  s.bind("http.listen", http_listen, "Plain HTTP listeners.");
  s.bind("http.tls-listen", http_tls_listen, "HTTPS listeners; open once the node has joined.");
  s.bind("http.websocket-path", websocket_path, "Where MQTT over WebSocket is offered; empty: nowhere.");
  s.bind("devices.anonymous-loopback", anonymous_loopback,
         "Let devices on this machine in without name and password.");
  s.bind_word("devices.certificates", device_certificates, {"none", "optional", "required"},
              "Whether devices on TLS listeners show a certificate.");
  s.bind("devices.own-topics-only", own_topics_only,
         "A device publishes and subscribes below devices.topics only.");
  s.bind("devices.topics", device_topics,
         "What is a device's own: {device} is its name; '/#' at the end for all below.");
  s.bind("devices.twin-requests", twin_requests,
         "Requests a second of one device about its twin by MQTT; ten times as many at once.", 1, 10'000);
  s.bind("devices.wrong-passwords", wrong_passwords,
         "Wrong passwords from one address (IPv6: /64) before it has to wait.", 1, 10'000);
  s.bind("devices.wrong-passwords-refill", wrong_passwords_refill,
         "After this long it may be wrong once more.");
  s.bind("access.local-admin", local_admin,
         "Whoever calls from this machine is an admin of this node; else a certificate is needed.");
  s.bind("audit.size", audit_bytes, "Record of every change; beyond it the oldest goes.");
  s.bind("devices.ca", device_ca, "File of CA certificates for devices; empty: the fleet's CA.");

  s.bind("mqtt.max-packet", broker_packet, "Largest packet accepted.");
  s.bind("mqtt.receive-maximum", broker.receive_maximum,
         "Unacknowledged QoS 1 and 2 publishes of one client.", 1, 65535);
  s.bind("mqtt.server-keep-alive", broker.server_keep_alive,
         "Longest keep-alive granted, seconds; 0: the client's.", 0, 65535);
  s.bind("mqtt.connections", broker.connections, "Most connections.", 1, 1'000'000);
  s.bind("mqtt.queued-messages", broker.queued_messages, "Waiting for one session.", 0, 10'000'000);
  s.bind("mqtt.queued-bytes", broker_queued, "Waiting for one session.");
  s.bind("mqtt.total-queued-bytes", broker_total_queued, "Waiting for all sessions.");

  s.bind("store.memory", store_memory, "Open columns in memory.");
  s.bind("store.journal", store_journal, "Readings on disk, not yet in blocks.");
  s.bind("store.blocks", store_blocks, "Blocks on disk.");
  s.bind("store.segment", store_segment, "Size of a log file.");
  s.bind("store.keep-free", store_keep_free, "Disk space left to others.");
  s.bind("store.block-age", store.block_age, "A block is sealed this long after its first reading.");
  s.bind("store.block-readings", store.block_readings, "Or at this many readings.", 1, 1 << 15);
  s.bind("store.dense-readings", store.dense_readings_per_second,
         "Readings a second that are coded in the fewest bytes; what comes beyond, in the least time.", 0, 100'000'000);
  s.bind("store.retention", store.retention, "How long delivered blocks stay here.");
  s.bind("store.series", store.series, "Most series.", 1, 10'000'000);
  s.bind_word("store.when-full", when_full, {"refuse-new", "drop-oldest"},
              "What goes when nothing more fits: new readings, or the oldest undelivered ones.");
  s.bind("store.dead-letters", dead_letters, "Log of messages that could not be taken.");

  s.bind("hosts", hosts,
         "Names and addresses by which devices reach this node; they go into its certificate.");
  s.bind("identity.poll", identity_poll,
         "How often the cloud is asked what to trust, beside being told of changes.");

  s.bind("uplink.enabled", uplink_enabled, "Send blocks to the cloud.");
  s.bind("uplink.cloud", cloud, "host:port of the cloud; empty: as joined.");
  s.bind("uplink.bytes-per-second", uplink_rate, "Cap on the uplink; 0: none.");
  s.bind("uplink.window", uplink_window, "Backlog sent and not yet acknowledged.");
  s.bind("uplink.backoff-max", forward.backoff_max, "Longest pause between tries to connect.");
  s.bind("uplink.ack-timeout", forward.ack_timeout, "After it a block is sent again.");
  s.bind("tls.chacha20-only", chacha20_only, "Offer ChaCha20-Poly1305 and nothing else.");

  s.bind("seal.recipients", seal_recipients,
         "X25519 public keys (base64) that alone can read new blocks; empty: blocks stay open.");
  s.bind("seal.key-age", seal_key_age, "A data key seals blocks for so long.");
  s.bind("seal.key-blocks", seal_key_blocks, "Or so many blocks.", 1, 1'000'000'000);

  s.bind("artifacts.root", artifacts_root,
         "File with the keys document that trust in artifacts begins with; empty: the cloud's first.");
  s.bind("artifacts.budget", artifacts_budget, "Artifacts on disk.");
  s.bind("artifacts.keep-free", artifacts_keep_free, "Disk space that artifacts leave to others.");
  s.bind("artifacts.bytes-per-second", artifacts_rate, "Cap on fetching them; 0: none.");
  s.bind("artifacts.parallel", artifacts_parallel, "Fetched at a time.", 1, 64);
  s.bind("artifacts.device-types", device_types,
         "Types of devices at this node: artifacts made for one of them fit.");

  s.bind("models.runtime", models_runtime,
         "Library of the model runtime (ONNX Runtime); empty: looked for when the first model comes.");
  s.bind("models.memory", models_memory, "All loaded models together, as estimated.");
  s.bind("models.queue", models_queue, "Requests that wait for one model.", 0, 100'000);
  s.bind("models.workers", models_workers, "Requests that models answer at the same time, one thread each.", 1, 64);
  s.bind("models.cache", models_cache,
         "Keep the optimised form of models on disk, so that they load faster; never of sealed ones.");

  s.bind("tasks.enabled", tasks_enabled, "Run the tasks that the node's twin wishes for.");
  s.bind("tasks.memory", tasks_memory, "All tasks together, by what they ask for; 0: no bound.");
  s.bind("tasks.folder", tasks_folder, "Unpacked artifacts of a task that says nothing of its disk.");
  s.bind("tasks.user", tasks_user, "Number of the user as whom tasks run if the node runs as root; 0: root.", 0, 0x7fff'ffff);
  s.bind("tasks.secrets", tasks_secrets,
         "Folder with a file for each secret that tasks may have, readable by its owner only; empty: none.");
  s.bind_word("tasks.sandbox", tasks_sandbox, {"wanted", "needed"},
              "Where bubblewrap does not run, tasks run with a filter of system calls and a user of their own (wanted), or not at all (needed).");
  s.bind("tasks.stop-with-node", tasks_stop_with_node, "End tasks when the node stops; else they go on and are taken over.");

  s.bind("site.name", site_name, "Name of the site whose nodes run each other's tasks without the cloud; empty: in none.");
  s.bind("site.listen", site_listen, "Where its other members connect; only nodes of the site are let in.");
  s.bind_each("site.member", [this](settings::Settings& e) {
                SiteMemberConfig& one = site_members.emplace_back();
                e.bind("name", one.name, "Name of the node, as in its certificate.");
                e.bind("address", one.address, "host:port of its site.listen; of this node itself it counts for nothing.");
              },
              "All nodes of the site, this one among them; the same at all. Fewer than three heal nothing.");

  s.bind("store.aggregate-memory", aggregate_memory, "Open windows and what else [[aggregate]] keeps in memory.");
  s.bind("store.anomaly-memory", anomaly_memory, "What [[anomaly]] keeps in memory of the series it watches.");
  s.bind_each("topic", [this](settings::Settings& e) { bind_topic(e, topics.emplace_back()); },
              "How topics become series.");
  s.bind_each("twin", [this](settings::Settings& e) { bind_twin(e, twins.emplace_back()); },
              "Readings that update what devices report in their twins.");
  s.bind_each("aggregate", [this](settings::Settings& e) { bind_aggregate(e, aggregates.emplace_back()); },
              "What is made of readings on the node, and where the raw ones go.");
  s.bind_each("anomaly", [this](settings::Settings& e) { bind_anomaly(e, anomalies.emplace_back()); },
              "Series that are watched for unusual behaviour.");
  s.bind_each("camera", [this](settings::Settings& e) { bind_camera(e, cameras.emplace_back()); },
              "Cameras whose pictures a model looks at; a change needs a restart.");
  s.bind_each("pull", [this](settings::Settings& e) { bind_pull(e, pulls.emplace_back()); },
              "HTTP sources.");
}

void NodeConfig::keep_sources(const std::vector<settings::Settings::Explained>& explained) {
  for (const auto& e : explained) {
    if (e.key.starts_with("topic[")) sources.emplace("topic", e.from);
    else if (e.key.starts_with("aggregate[")) sources.emplace("aggregate", e.from);
    else if (e.key.starts_with("anomaly[")) sources.emplace("anomaly", e.from);
    else if (e.from != "default") sources.emplace(e.key, e.from);
  }
}

namespace {

// Blocks for the recipients' eyes only, if there are any.
Result<void> seal_blocks(const NodeConfig& config, store::StoreLimits& store) {
  if (config.seal_recipients.empty()) return {};
  if (config.seal_recipients.size() > engine::SealRules::max_recipients)
    return fail(Code::invalid_input,
                "seal.recipients: at most " + std::to_string(engine::SealRules::max_recipients));
  if (config.seal_key_age <= base::Duration::zero())
    return fail(Code::invalid_input, "seal.key-age: longer than nothing");
  engine::SealRules rules;
  for (const std::string& text : config.seal_recipients)
    rules.recipients.push_back(TRY(base::while_doing("seal.recipients", crypto::parse_recipient(text))));
  rules.key_age = config.seal_key_age;
  rules.key_blocks = config.seal_key_blocks;
  const auto sealer = std::make_shared<engine::FrameSealer>(rules);
  // A recipient that is no usable key is found now and not at the first block.
  base::Bytes frame;
  codec::Columns probe;
  probe.push({}, model::ValueView::of(0.0));
  TRY(codec::encode_frame(probe, frame));
  TRY(base::while_doing("seal.recipients", sealer->seal("", frame, {})));
  store.seal_frame = [sealer](std::string_view series, base::BytesView bytes, base::Time now) {
    return sealer->seal(series, bytes, now);
  };
  return {};
}

}  // namespace

namespace {

Result<void> check_site(const NodeConfig& config) {
  if (config.site_name.empty() && config.site_members.empty()) return {};
  if (!crypto::is_name(config.site_name))
    return fail(Code::invalid_input, "site.name: 1 to 64 of A-Z a-z 0-9 . _ -, as [[site.member]] has no meaning without it");
  TRY(base::while_doing("site.listen", os::parse_endpoint(config.site_listen)));
  if (config.site_members.size() > engine::SiteLimits::nodes)
    return fail(Code::invalid_input, "site.member: at most " + std::to_string(engine::SiteLimits::nodes));
  std::set<std::string> names;
  for (const SiteMemberConfig& member : config.site_members) {
    if (!crypto::is_name(member.name)) return fail(Code::invalid_input, "site.member: '" + member.name + "' is no name of a node");
    if (!names.insert(member.name).second) return fail(Code::invalid_input, "site.member: '" + member.name + "' is there twice");
    TRY(base::while_doing("site.member '" + member.name + "': address", os::parse_endpoint(member.address)));
  }
  return {};
}

}  // namespace

Result<void> NodeConfig::finish() {
  TRY(seal_blocks(*this, store));
  broker.packet_bytes = static_cast<std::uint32_t>(std::min<std::uint64_t>(broker_packet.bytes, 256 << 20));
  broker.queued_bytes = broker_queued.bytes;
  broker.total_queued_bytes = broker_total_queued.bytes;
  store.memory_bytes = store_memory.bytes;
  store.journal_bytes = store_journal.bytes;
  store.block_bytes = store_blocks.bytes;
  store.segment_bytes = store_segment.bytes;
  store.keep_free_bytes = store_keep_free.bytes;
  store.when_full =
      when_full == "drop-oldest" ? store::WhenFull::drop_oldest : store::WhenFull::refuse_new;
  forward.bytes_per_second = uplink_rate.bytes;
  forward.backlog_window_bytes = uplink_window.bytes;
  if (store.segment_bytes < (64 << 10) || store.segment_bytes > store.journal_bytes / 2 ||
      store.segment_bytes > store.block_bytes / 2)
    return fail(Code::invalid_input,
                "store.segment: at least 64KiB, at most half of store.journal and store.blocks");
  for (const auto* list : {&mqtt_listen, &mqtt_tls_listen, &http_listen, &http_tls_listen})
    for (const std::string& at : *list) TRY(os::parse_endpoint(at));
  if (!cloud.empty()) TRY(base::while_doing("uplink.cloud", os::parse_endpoint(cloud)));
  if (hosts.size() > 16) return fail(Code::invalid_input, "hosts: at most 16");
  if (identity_poll < std::chrono::seconds(1))
    return fail(Code::invalid_input, "identity.poll: at least 1s");
  for (const PullConfig& pull : pulls) {
    if (pull.urls.empty()) return fail(Code::invalid_input, "pull '" + pull.name + "': urls is empty");
    if (pull.period < std::chrono::milliseconds(100))
      return fail(Code::invalid_input, "pull '" + pull.name + "': period is below 100ms");
  }
  TRY(check_site(*this));
  TRY(topic_rules());
  TRY(check_own_topics(device_topics));
  TRY(telemetry_rules());
  TRY(aggregate_rules());
  TRY(anomaly_rules());
  TRY(camera_setups());
  return {};
}

Result<std::vector<TelemetryRule>> NodeConfig::telemetry_rules() const {
  std::vector<TelemetryRule> rules;
  for (const TwinConfig& twin : twins) {
    const auto deadband = base::parse_double(twin.deadband);
    if (!deadband) return fail(Code::invalid_input, "twin: deadband '" + twin.deadband + "' is no number");
    rules.push_back({twin.series, twin.feature, twin.property, twin.min_interval, *deadband});
    TRY(check(rules.back()));
  }
  return rules;
}

// Rules of the config, then the default for every topic that none of them speaks of.
Result<std::vector<engine::TopicRule>> NodeConfig::topic_rules() const {
  using TimeUnit = codec::payload::Options::TimeUnit;
  std::vector<engine::TopicRule> rules;
  for (const TopicConfig& topic : topics) {
    engine::TopicRule& rule = rules.emplace_back();
    rule.filter = topic.filter;
    rule.action = topic.ignore ? engine::TopicRule::Action::ignore : engine::TopicRule::Action::readings;
    rule.series = topic.series;
    rule.device = topic.device;
    rule.payload.format = TRY(codec::payload::parse_format(topic.format));
    rule.payload.time_field = topic.time_field;
    rule.payload.name_field = topic.name_field;
    rule.payload.value_field = topic.value_field;
    rule.payload.text_values = topic.text_values;
    rule.payload.time_unit = topic.time_unit == "s"    ? TimeUnit::s
                             : topic.time_unit == "ms" ? TimeUnit::ms
                             : topic.time_unit == "us" ? TimeUnit::us
                             : topic.time_unit == "ns" ? TimeUnit::ns
                                                       : TimeUnit::automatic;
  }
  for (engine::TopicRule& rule : engine::default_topic_rules()) rules.push_back(std::move(rule));
  TRY(base::while_doing("topic", engine::validate(rules)));
  return rules;
}

}  // namespace selvedge::node
