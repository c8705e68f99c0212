#include "node/uplink.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "codec/uplink/uplink.h"

namespace selvedge::node {
namespace {

constexpr base::Duration connect_timeout = std::chrono::seconds(15);

engine::ClientOptions client_options(const std::string& node) {
  engine::ClientOptions options;
  options.client_id = node;
  options.clean_start = true;
  options.keep_alive = 20;
  options.packet_bytes = codec::uplink::max_batch_bytes;
  options.waiting_bytes = 16 << 20;
  return options;
}

}  // namespace

Uplink::Uplink(os::World& world, store::ReadingStore& store, base::Registry& metrics,
               UplinkConfig config)
    : world_(world),
      store_(store),
      config_(std::move(config)),
      forward_(config_.limits, store.epoch(), store.first_undelivered(), store.last_sealed()),
      client_(client_options(config_.node)),
      sent_bytes_(metrics.counter("selvedge_uplink_sent_bytes_total",
                                  "Bytes of batches handed to the uplink.")) {
  metrics.gauge_from("selvedge_uplink_connected", "1 while the cloud is reached.",
                     [this] { return forward_.stats().connected ? 1.0 : 0.0; });
  metrics.counter_from("selvedge_uplink_connects_total", "Connections made to the cloud.",
                       [this] { return static_cast<double>(forward_.stats().connects); });
  metrics.counter_from("selvedge_uplink_connect_failures_total", "Connections that failed.",
                       [this] { return static_cast<double>(forward_.stats().connect_failures); });
  metrics.counter_from("selvedge_uplink_blocks_acknowledged_total",
                       "Blocks the cloud has committed.",
                       [this] { return static_cast<double>(forward_.stats().blocks_acknowledged); });
  metrics.counter_from("selvedge_uplink_blocks_resent_total", "Blocks sent more than once.",
                       [this] { return static_cast<double>(forward_.stats().blocks_resent); });
  metrics.gauge_from("selvedge_uplink_in_flight_bytes", "Sent and not yet acknowledged.",
                     [this] { return static_cast<double>(forward_.stats().in_flight_bytes); });
}

Uplink::~Uplink() { world_.loop().cancel(timer_); }

void Uplink::add(UplinkChannel channel) { channels_.push_back({std::move(channel)}); }

base::Result<void> Uplink::send(std::string_view topic, base::BytesView payload) {
  if (!stream_ || !client_.connected())
    return base::fail(base::Code::unavailable, "no connection to the cloud");
  TRY(client_.publish(topic, payload, 0, false, world_.loop().now(), events_));
  stream_->write(events_.send);
  events_.send.clear();
  return {};
}

void Uplink::start() {
  stopped_ = false;
  forward_.start(world_.loop().now(), outputs_);
  carry_out();
}

void Uplink::stop() {
  stopped_ = true;
  world_.loop().cancel(std::exchange(timer_, os::TimerId::none));
  if (!stream_) return;
  client_.disconnect(world_.loop().now(), events_);
  if (!events_.send.empty()) stream_->write(events_.send);
  events_.clear();
  stream_->close();
}

void Uplink::sealed(model::BlockSeq seq, std::size_t frame_bytes) {
  forward_.sealed(seq, frame_bytes, world_.loop().now(), outputs_);
  carry_out();
}

void Uplink::dropped_before(model::BlockSeq first) {
  forward_.dropped_before(first, world_.loop().now(), outputs_);
  carry_out();
}

void Uplink::set_limits(const engine::ForwardLimits& limits) {
  forward_.set_limits(limits, world_.loop().now(), outputs_);
  carry_out();
}

void Uplink::on_open(os::Stream&) {
  told_.clear();
  client_.transport_open(world_.loop().now(), events_);
  client_.subscribe(codec::uplink::ack_topic(config_.node), 0, world_.loop().now(), events_);
  for (const Channel& channel : channels_)
    client_.subscribe(channel.user.topic, 0, world_.loop().now(), events_);
  carry_out_client();
}

void Uplink::on_bytes(os::Stream&, base::BytesView bytes) {
  client_.received(bytes, world_.loop().now(), events_);
  carry_out_client();
}

void Uplink::on_close(os::Stream&, const base::Error& why) { lost(why); }

void Uplink::lost(const base::Error& why) {
  stream_.reset();
  client_.transport_closed(world_.loop().now(), events_);
  events_.clear();
  for (Channel& channel : channels_)
    if (std::exchange(channel.open, false)) channel.user.lost();
  if (stopped_) return;
  forward_.disconnected(world_.random_unit(), world_.loop().now(), outputs_);
  base::log::warn("uplink", std::exchange(link_up_, false) ? "connection lost" : "cannot connect",
                  {{"cloud", config_.cloud.text()},
                   {"why", why},
                   {"again_in", forward_.stats().backoff}});
  carry_out();
}

void Uplink::carry_out_client() {
  if (stream_ && !events_.send.empty()) stream_->write(events_.send);
  // Moved out, because a channel may send from within a call, which adds to the events.
  const engine::ClientEvents events = std::exchange(events_, {});
  for (const auto& answer : events.subscribed) subscribed(answer);
  for (const auto& message : events.messages) received(message);
  const auto close = events.close ? events.close : std::exchange(events_.close, std::nullopt);
  if (close) {
    lost(*close);
    return;
  }
  carry_out();
}

void Uplink::subscribed(const engine::ClientEvents::Subscribed& answer) {
  const auto channel = std::ranges::find(channels_, answer.filter, [](const Channel& c) {
    return std::string_view(c.user.topic);
  });
  const bool refused = codec::mqtt::is_error(answer.reason);
  if (channel != channels_.end()) {
    if (refused) {
      base::log::warn("uplink", "the cloud does not know a topic", {{"topic", answer.filter}});
    } else if (!std::exchange(channel->open, true)) {
      channel->user.opened();
    }
    return;
  }
  if (refused) {
    events_.close = base::Error{base::Code::denied, "the cloud refuses " + answer.filter};
    return;
  }
  link_up_ = true;
  base::log::info("uplink", "connected", {{"cloud", config_.cloud.text()}});
  forward_.connected(world_.loop().now(), outputs_);
}

void Uplink::received(const engine::ClientEvents::Message& message) {
  for (const Channel& channel : channels_) {
    if (channel.user.topic != message.topic) continue;
    if (channel.open) channel.user.message(message.payload);
    return;
  }
  const auto ack = codec::uplink::decode_ack(message.payload);
  if (!ack) {
    base::log::warn("uplink", "unreadable acknowledgement", {{"why", ack.error()}});
    return;
  }
  last_acknowledged_ = world_.loop().wall_now();
  forward_.acknowledged(*ack, world_.loop().now(), outputs_);
}

void Uplink::carry_out() {
  // Sending and connecting may add outputs; go on until there are none.
  while (!stopped_) {
    engine::ForwardOutputs todo = std::exchange(outputs_, {});
    if (!todo.connect && !todo.disconnect && todo.sends.empty() && todo.delivered.empty()) break;
    for (const auto& range : todo.delivered) store_.delivered(range.first, range.last);
    if (todo.disconnect && stream_) {
      lost({base::Code::unavailable, "no acknowledgement"});
      continue;
    }
    if (todo.connect)
      stream_ = world_.network().connect(config_.cloud, config_.tls, connect_timeout, *this);
    for (const engine::SendBlocks& asked : todo.sends) send(asked);
  }
  arm();
}

void Uplink::send(const engine::SendBlocks& asked) {
  const base::Instant now = world_.loop().now();
  auto blocks = store_.undelivered(asked.first, asked.max_bytes);
  if (!blocks) {
    base::log::error("uplink", "cannot read blocks", {{"why", blocks.error()}});
    forward_.unread(asked, now, outputs_);
    return;
  }
  std::erase_if(*blocks, [&](const store::StoredBlock& b) { return b.seq > asked.last; });
  codec::uplink::Batch batch;
  batch.epoch = store_.epoch();
  batch.sent_at = world_.loop().wall_now();
  std::vector<model::BlockSeq> sent;
  std::uint64_t bytes = 0;
  for (const store::StoredBlock& block : *blocks) {
    const auto id = static_cast<std::size_t>(block.series);
    if (id >= told_.size()) told_.resize(id + 1);
    if (!told_[id]) {
      const model::SeriesDef* const def = store_.find(block.series);
      if (def == nullptr) {
        // The cloud would refuse it, and with it everything behind it, for ever.
        base::log::error("uplink", "left out a block: its series was lost to damage",
                         {{"block", model::number(block.seq)}, {"series", id}});
        store_.delivered(block.seq, block.seq);
        continue;
      }
      batch.series.push_back(*def);
      told_[id] = true;
    }
    batch.blocks.push_back({block.seq, block.series, block.sealed_at, block.frame});
    sent.push_back(block.seq);
    bytes += block.frame.size();
  }
  if (!sent.empty()) {
    base::Bytes payload;
    codec::uplink::encode(batch, payload);
    const auto published = client_.publish(codec::uplink::blocks_topic(config_.node), payload, 0,
                                           false, now, events_);
    if (!published) {
      base::log::error("uplink", "cannot send blocks", {{"why", published.error()}});
      for (const model::SeriesDef& def : batch.series) told_[static_cast<std::size_t>(def.id)] = false;
      // Not as sent(): a block that is left out there counts as delivered.
      forward_.unread(asked, now, outputs_);
      return;
    }
    sent_bytes_.add(payload.size());
    if (stream_ && !events_.send.empty()) stream_->write(events_.send);
    events_.send.clear();
  }
  forward_.sent(asked, sent, bytes, now, outputs_);
}

void Uplink::arm() {
  if (stopped_) return;
  auto wake = forward_.wake_at();
  if (const auto client = client_.wake_at(); client && stream_ && (!wake || *client < *wake))
    wake = client;
  if (!wake) return;
  if (timer_ != os::TimerId::none && timer_at_ <= *wake) return;
  world_.loop().cancel(timer_);
  timer_at_ = *wake;
  timer_ = world_.loop().after(
      std::max(*wake - world_.loop().now(), base::Duration(0)), [this] {
        timer_ = os::TimerId::none;
        const base::Instant now = world_.loop().now();
        forward_.tick(now, outputs_);
        client_.tick(now, events_);
        carry_out_client();
      });
}

}  // namespace selvedge::node
