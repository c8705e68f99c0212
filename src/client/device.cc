#include "client/device.h"

#include <utility>

#include "base/text.h"

namespace selvedge::client {
namespace {

constexpr base::Duration connect_timeout = std::chrono::seconds(10);
constexpr base::Duration stable_after = std::chrono::seconds(10);

engine::ClientOptions client_options(const DeviceOptions& o) {
  engine::ClientOptions options;
  options.version = o.version;
  options.client_id = o.client_id;
  options.clean_start = o.clean_start;
  options.session_expiry = o.session_expiry;
  options.keep_alive = o.keep_alive;
  options.username = o.username;
  options.password = o.password;
  options.inflight = o.inflight;
  options.waiting_bytes = o.waiting_bytes;
  return options;
}

}  // namespace

base::Result<DeviceUrl> parse_device_url(std::string_view text) {
  DeviceUrl url;
  std::string_view rest = text;
  if (rest.starts_with("mqtts://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("mqtt://")) {
    rest.remove_prefix(7);
  } else {
    return base::fail(base::Code::invalid_input, "address '" + base::printable(text) +
                                                     "': expected mqtt://host:port or mqtts://host:port");
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const bool has_port = rest.find(':', rest.rfind(']') == std::string_view::npos ? 0 : rest.rfind(']')) !=
                        std::string_view::npos;
  const std::string with_port = std::string(rest) + (has_port ? "" : url.tls ? ":8883" : ":1883");
  url.node = TRY(os::parse_endpoint(with_port));
  return url;
}

Device::Device(os::World& world, DeviceOptions options)
    : world_(world),
      options_(std::move(options)),
      client_(client_options(options_)),
      backoff_(options_.backoff_first, options_.backoff_most, stable_after) {}

Device::~Device() {
  world_.loop().cancel(reconnect_);
  world_.loop().cancel(timer_);
}

void Device::start() {
  stopped_ = false;
  connect();
}

void Device::connect() {
  reconnect_ = os::TimerId::none;
  stream_ = world_.network().connect(options_.node, options_.tls, connect_timeout, *this);
}

base::Result<engine::PublishId> Device::publish(std::string_view topic, base::BytesView payload,
                                                std::uint8_t qos, bool retain) {
  auto id = client_.publish(topic, payload, qos, retain, world_.loop().now(), events_);
  carry_out();
  return id;
}

void Device::subscribe(std::string_view filter, std::uint8_t qos) {
  client_.subscribe(filter, qos, world_.loop().now(), events_);
  carry_out();
}

void Device::stop() {
  stopped_ = true;
  world_.loop().cancel(std::exchange(reconnect_, os::TimerId::none));
  world_.loop().cancel(std::exchange(timer_, os::TimerId::none));
  if (!stream_) return;
  client_.disconnect(world_.loop().now(), events_);
  if (!events_.send.empty()) stream_->write(events_.send);
  events_.clear();
  stream_->close();
}

void Device::on_open(os::Stream&) {
  client_.transport_open(world_.loop().now(), events_);
  carry_out();
}

void Device::on_bytes(os::Stream&, base::BytesView bytes) {
  client_.received(bytes, world_.loop().now(), events_);
  carry_out();
}

void Device::on_close(os::Stream&, const base::Error& why) { lost(why); }

void Device::lost(const base::Error& why) {
  stream_.reset();
  client_.transport_closed(world_.loop().now(), events_);
  events_.clear();
  if (lost_told_) lost_told_(why);
  if (stopped_) return;
  reconnect_ = world_.loop().after(
      backoff_.failed(world_.random_unit(), world_.loop().now()), [this] { connect(); });
}

void Device::carry_out() {
  // What is told may publish again, which comes back here; so take the events first.
  if (stream_ && !events_.send.empty()) stream_->write(events_.send);
  events_.send.clear();
  engine::ClientEvents events = std::exchange(events_, {});
  if (events.connected) {
    backoff_.connected(world_.loop().now());
    if (connected_told_) connected_told_(events.session_present);
  }
  if (acknowledged_)
    for (const auto& a : events.acknowledged) acknowledged_(a.id, a.reason);
  if (message_)
    for (const auto& m : events.messages) message_(m);
  if (events.close) {
    lost(*events.close);
    return;
  }
  arm();
}

void Device::arm() {
  const auto wake = client_.wake_at();
  if (!wake || stopped_) return;
  if (timer_ != os::TimerId::none && timer_at_ <= *wake) return;
  world_.loop().cancel(timer_);
  timer_at_ = *wake;
  timer_ = world_.loop().after(
      std::max(*wake - world_.loop().now(), base::Duration(0)), [this] {
        timer_ = os::TimerId::none;
        client_.tick(world_.loop().now(), events_);
        carry_out();
      });
}

void Device::on_acknowledged(std::function<void(engine::PublishId, codec::mqtt::Reason)> told) {
  acknowledged_ = std::move(told);
}
void Device::on_message(std::function<void(const engine::ClientEvents::Message&)> told) {
  message_ = std::move(told);
}
void Device::on_connected(std::function<void(bool)> told) { connected_told_ = std::move(told); }
void Device::on_lost(std::function<void(const base::Error&)> told) { lost_told_ = std::move(told); }

}  // namespace selvedge::client
