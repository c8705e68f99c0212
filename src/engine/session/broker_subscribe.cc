// SUBSCRIBE and UNSUBSCRIBE, and the retained messages that a new subscription is owed.

#include <algorithm>
#include <utility>

#include "engine/session/broker_state.h"

namespace selvedge::engine {

using codec::mqtt::Subscription;

void Broker::State::on_subscribe(Conn& conn, const codec::mqtt::Subscribe& packet) {
  const std::uint32_t id =
      packet.properties.subscription_ids.empty() ? 0 : packet.properties.subscription_ids[0];
  codec::mqtt::SubAck answer;
  answer.packet_id = packet.packet_id;
  std::vector<const Subscription*> owed;
  bool refused = false;
  for (const Subscription& wanted : packet.subscriptions) {
    const auto share = codec::mqtt::split_shared(wanted.filter);
    if (share && !share->group.empty() && wanted.no_local) {
      return protocol_error(conn, Reason::protocol_error, "no local on a shared subscription");
    }
    bool is_new = false;
    const Reason reason = share ? subscribe(conn, *share, wanted, id, is_new)
                                : Reason::topic_filter_invalid;
    answer.reasons.push_back(reason);
    const bool granted = !codec::mqtt::is_error(reason);
    refused |= !granted;
    const bool send = wanted.retain_handling == 0 || (wanted.retain_handling == 1 && is_new);
    if (granted && share->group.empty() && send) owed.push_back(&wanted);
    if (granted && share->group.empty() && share->filter.starts_with('$')) {
      out_->subscribed.push_back({conn.id, keep(std::string_view(conn.session->device)),
                                  keep(share->filter), wanted.qos, is_new});
    }
  }
  if (refused && conn.wants_problems) answer.properties.reason_string = "not all were granted";
  this->send(conn, answer);
  for (const Subscription* wanted : owed) send_retained(*conn.session, *wanted, id);
}

Reason Broker::State::subscribe(Conn& conn, const codec::mqtt::SharedFilter& share,
                                const Subscription& wanted, std::uint32_t id, bool& is_new) {
  Session& session = *conn.session;
  if (too_deep(share.filter)) return Reason::topic_filter_invalid;
  if (access_.may_subscribe && !conn.unrestricted &&
      !access_.may_subscribe(session.device, share.filter)) {
    return Reason::not_authorized;
  }
  const SubscribedOptions options{.qos = wanted.qos,
                                  .no_local = wanted.no_local,
                                  .retain_as_published = wanted.retain_as_published,
                                  .id = id};
  Subscribed* subscribed = tree_.find(session, share.group, share.filter);
  is_new = subscribed == nullptr;
  if (subscribed) {
    subscribed->options = options;
  } else {
    if (session.subscriptions.size() >= limits_.subscriptions_per_session) {
      return Reason::quota_exceeded;
    }
    subscribed = &tree_.add(session, share.group, share.filter, options, 0);
  }
  if (session.durable()) persist(added(*subscribed, share.filter));
  return static_cast<Reason>(wanted.qos);
}

// Each with the flag set, for the subscriber to tell them from new ones (3.3.1.3). They queue up
// behind each other if they are too many to be sent at once, also those with QoS 0.
void Broker::State::send_retained(Session& session, const Subscription& wanted, std::uint32_t id) {
  retained_.match(wanted.filter, now_, [&](const MessagePtr& message) {
    if (wanted.no_local && message->origin() == session.client_id) return;
    Delivery delivery{.qos = std::min(message->qos(), wanted.qos), .retain = true};
    if (id != 0) delivery.ids = {&id, 1};
    Properties properties;
    Content content = content_of(message, properties);
    prepare(content);
    if (congested(*session.conn)) return enqueue_qos0(session, content, delivery);
    deliver(session, content, delivery);
  });
}

void Broker::State::on_unsubscribe(Conn& conn, const codec::mqtt::Unsubscribe& packet) {
  Session& session = *conn.session;
  codec::mqtt::UnsubAck answer;
  answer.packet_id = packet.packet_id;
  for (const std::string_view filter : packet.filters) {
    const auto share = codec::mqtt::split_shared(filter);
    Subscribed* subscribed = share ? tree_.find(session, share->group, share->filter) : nullptr;
    answer.reasons.push_back(subscribed ? Reason::success : Reason::no_subscription_existed);
    if (!subscribed) continue;
    tree_.remove(*subscribed);
    if (session.durable()) {
      persist(record::SubscriptionRemoved{
          .session = session.number, .filter = share->filter, .group = share->group});
    }
  }
  send(conn, answer);
}

}  // namespace selvedge::engine
