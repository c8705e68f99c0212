#include "node/twin_link.h"

#include <utility>

#include "base/log.h"
#include "codec/twin/twin.h"

namespace selvedge::node {

TwinLink::TwinLink(os::World& world, store::TwinStore& twins, base::Registry& metrics,
                   TwinLinkHost host)
    : world_(world),
      twins_(twins),
      host_(std::move(host)),
      watch_(twins.watch([this](const store::TwinEvent& event) { changed(event); })),
      unreadable_(metrics.counter("selvedge_twin_sync_unreadable_total",
                                  "Messages about twins that could not be read.")) {
  things::count(metrics, stats_);
  metrics.gauge_from("selvedge_twin_clock_skew_seconds",
                     "How far the cloud's clock is behind ours, by its last message.", [this] {
                       return link_ ? std::chrono::duration<double>(link_->sync().skew()).count() : 0.0;
                     });
}

TwinLink::~TwinLink() { twins_.unwatch(watch_); }

void TwinLink::attach(Uplink& uplink, std::string node) {
  node_ = std::move(node);
  uplink_ = &uplink;
  link_ = std::make_unique<things::SyncLink>(world_, twins_, node_, stats_,
                                             static_cast<things::SyncHost&>(*this));
  UplinkChannel channel;
  channel.topic = codec::twin::down_topic(node_);
  channel.opened = [this] {
    link_->connected();
    if (host_.opened) host_.opened();
  };
  channel.lost = [this] { link_->disconnected(); };
  channel.message = [this](base::BytesView payload) { received(payload); };
  uplink.add(std::move(channel));
}

void TwinLink::send_to_peer(std::string_view, base::BytesView message) {
  // What is lost with a connection is sent again on the next one.
  const auto sent = uplink_->send(codec::twin::up_topic(node_), message);
  if (!sent && sent.error().code != base::Code::unavailable)
    base::log::error("twins", "cannot send to the cloud", {{"why", sent.error()}});
}

void TwinLink::make_durable(std::function<void()> done) { host_.commit(std::move(done)); }

void TwinLink::came_again(std::string_view id) { host_.repeated(id); }

void TwinLink::received(base::BytesView payload) {
  const auto message = codec::twin::decode(payload);
  if (!message) {
    unreadable_.add();
    base::log::warn("twins", "unreadable message from the cloud", {{"why", message.error()}});
    return;
  }
  if (const auto* command = std::get_if<codec::twin::Command>(&*message)) run(*command);
  else link_->received(*message);
  const auto heard = link_->sync().heard_all();
  if (heard && heard != std::exchange(contact_, heard) && host_.contact) host_.contact(*heard);
}

void TwinLink::run(const codec::twin::Command& asked) {
  things::Command command;
  command.id = model::twin_id(node_, asked.device);
  command.feature = asked.feature;
  command.subject = asked.subject;
  command.content_type = asked.content_type;
  command.payload.assign(asked.payload.begin(), asked.payload.end());
  command.deadline = std::chrono::milliseconds(asked.left_ms);
  host_.command(std::move(command), [this, request = asked.request, living = std::weak_ptr<bool>(alive_)](
                                        const things::CommandAnswer& answer) {
    if (living.expired()) return;
    base::Bytes bytes;
    codec::twin::encode(codec::twin::Answer{request, static_cast<std::uint16_t>(answer.status),
                                            answer.from_device, answer.content_type, answer.payload},
                        bytes);
    send_to_peer(node_, bytes);
  });
}

void TwinLink::changed(const store::TwinEvent& event) {
  if (link_ && !event.from_peer) link_->changed();
}

}  // namespace selvedge::node
