// From one publish to everyone who subscribed: who gets it, in which copy, and where it waits.

#include <algorithm>
#include <utility>

#include "engine/session/broker_state.h"

namespace selvedge::engine {

std::size_t Broker::State::distribute(Content& content, const Session* from, bool retained) {
  if (retained) retain(content);
  return forward(content, from, retained);
}

void Broker::State::retain(Content& content) {
  const bool had = retained_.erase(content.topic);
  bool kept = false;
  if (!content.payload.empty()) {
    store(content);
    kept = retained_.set(content.message, now_);
    if (!kept) ++stats_.dropped_full;
  }
  if (kept) {
    persist(record::RetainedSet{.message = persisted(*content.message)});
  } else if (had) {
    persist(record::RetainedErased{.topic = content.topic});
  }
}

void Broker::State::store(Content& content) {
  if (content.message) return;
  packed_.clear();
  if (content.properties) pack_properties(*content.properties, packed_);
  content.message = MessagePtr::make({.topic = content.topic,
                                      .payload = content.payload,
                                      .properties = packed_,
                                      .origin = content.origin,
                                      .qos = content.qos,
                                      .expires = content.expires});
}

std::size_t Broker::State::forward(Content& content, const Session* from, bool retain,
                                   const Session* only) {
  ++match_;
  target_count_ = 0;
  groups_.clear();
  tree_.match(content.topic, [&](const TopicTree::Node& node) { collect(node, from); });
  if (target_count_ == 0 && groups_.empty()) return 0;
  prepare(content);
  std::size_t connected = only ? 0 : groups_.size();
  for (std::size_t i = 0; i < target_count_; ++i) {
    const Target& target = targets_[i];
    if (only && target.session != only) continue;
    if (target.session->conn) ++connected;
    deliver(*target.session, content,
            {.qos = std::min(content.qos, target.qos),
             .retain = retain && target.retain_as_published,
             .ids = target.ids});
  }
  if (only) return connected;
  for (ShareGroup* group : groups_) deliver_shared(*group, content, retain, nullptr);
  return connected;
}

// Subscriptions of one session that overlap make one copy, with the highest QoS and all the
// identifiers (3.3.4).
void Broker::State::collect(const TopicTree::Node& node, const Session* from) {
  for (const Subscribed* subscribed : node.subscribed) {
    Session& session = *subscribed->session;
    const SubscribedOptions& options = subscribed->options;
    if (options.no_local && &session == from) continue;
    if (session.match != match_) {
      session.match = match_;
      session.target = static_cast<std::uint32_t>(target_count_);
      if (target_count_ == targets_.size()) targets_.emplace_back();
      Target& fresh = targets_[target_count_++];
      fresh.session = &session;
      fresh.qos = 0;
      fresh.retain_as_published = false;
      fresh.ids.clear();
    }
    Target& target = targets_[session.target];
    target.qos = std::max(target.qos, options.qos);
    target.retain_as_published |= options.retain_as_published;
    if (options.id != 0) target.ids.push_back(options.id);
  }
  for (const auto& group : node.groups) groups_.push_back(group.get());
}

void Broker::State::deliver(Session& session, Content& content, const Delivery& delivery) {
  if (delivery.qos > 0) return enqueue(session, content, delivery);
  if (!session.conn) return;
  if (session.outgoing && session.outgoing->without_id() > 0) {
    // Retained messages wait, and one that is newer must not overtake them.
    enqueue_qos0(session, content, delivery);
  } else if (congested(*session.conn)) {
    ++stats_.dropped_slow;
  } else if (!send_publish(*session.conn, delivery)) {
    ++stats_.dropped_large;
  }
}

void Broker::State::deliver_shared(ShareGroup& group, Content& content, bool retain,
                                   const Session* leaving) {
  const Subscribed* member = whose_turn(group, leaving);
  if (!member) return;
  const SubscribedOptions& options = member->options;
  Delivery delivery{.qos = std::min(content.qos, options.qos),
                    .retain = retain && options.retain_as_published,
                    .group = group.number};
  if (options.id != 0) delivery.ids = {&options.id, 1};
  deliver(*member->session, content, delivery);
}

// The next member that can take a message at once; else one that is connected; else one that will
// come back, unless that would be the one that is just leaving.
const Subscribed* Broker::State::whose_turn(ShareGroup& group, const Session* leaving) {
  const std::size_t count = group.members.size();
  const Subscribed* online = nullptr;
  const Subscribed* away = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = (group.turn + i) % count;
    const Subscribed* member = group.members[at];
    const Session& session = *member->session;
    if (&session == leaving) continue;
    if (!session.conn) {
      if (!away) away = member;
      continue;
    }
    if (!online) online = member;
    const bool busy = session.outgoing && session.outgoing->waiting() > 0;
    if (busy || congested(*session.conn)) continue;
    group.turn = at + 1;
    return member;
  }
  const Subscribed* chosen = online ? online : away;
  if (chosen) group.turn = chosen->place + 1u;
  return chosen;
}

// Messages that came to `session` as a member of a share group go to another member: what was not
// sent, and when the session is over also QoS 1 without acknowledgement (4.8.2). While it lives,
// only a member that is connected is worth the move.
void Broker::State::redistribute(Session& session, Leaving leaving) {
  Outgoing& queue = *session.outgoing;
  for (std::size_t i = 0; i < queue.count();) {
    Outgoing::Entry& entry = queue[i];
    const bool movable = entry.group != 0 && entry.message &&
                         (!entry.was_sent || (entry.qos == 1 && leaving == Leaving::for_good));
    ShareGroup* group = movable ? tree_.group(entry.group) : nullptr;
    const bool taken_at_once =
        group && std::ranges::any_of(group->members, [&](const Subscribed* member) {
          return member->session != &session && member->session->conn;
        });
    if (!group || (!taken_at_once && leaving == Leaving::away)) {
      ++i;
      continue;
    }
    const MessagePtr message = entry.message;
    const bool retain = entry.retain;
    drop_entry(session, i);
    persist_again(*message);
    Properties properties;
    Content content = content_of(message, properties);
    prepare(content);
    deliver_shared(*group, content, retain, &session);
  }
}

Content Broker::State::content_of(const MessagePtr& message, Properties& properties) {
  Content content{.topic = message->topic(),
                  .payload = message->payload(),
                  .origin = message->origin(),
                  .qos = message->qos(),
                  .expires = message->expires(),
                  .message = message};
  if (!message->properties().empty()) {
    CHECK(unpack_properties(message->properties(), properties));
    content.properties = &properties;
  }
  return content;
}

// QoS 1 and 2. Sent at once if nothing is before it; kept, if the session may have to send it
// again later.
void Broker::State::enqueue(Session& session, Content& content, const Delivery& wanted) {
  Outgoing& queue = session.queue();
  Conn* conn = session.conn;
  bool now = conn && queue.waiting() == 0 && queue.sent() < conn->window;
  if (now && congested(*conn)) now = false;
  const bool keep = !now || session.durable() || wanted.group != 0;
  if (keep) {
    store(content);
    if (!has_room(session, content.message->bytes())) {
      ++stats_.dropped_full;
      return;
    }
  }
  Delivery delivery = wanted;
  delivery.packet_id = queue.take_id();
  if (delivery.packet_id == 0) {
    ++stats_.dropped_full;
    return;
  }
  if (now && !send_publish(*conn, delivery)) {
    ++stats_.dropped_large;
    return;
  }
  if (session.durable()) {
    const std::uint64_t message = persisted(*content.message);
    persist(record::Queued{.session = session.number,
                           .message = message,
                           .packet_id = delivery.packet_id,
                           .qos = delivery.qos,
                           .retain = delivery.retain,
                           .sent = now,
                           .group_number = delivery.group,
                           .ids = delivery.ids});
  }
  Outgoing::Entry entry;
  if (keep) {
    entry.message = content.message;
    entry.set_ids(delivery.ids);
  }
  entry.group = delivery.group;
  entry.packet_id = delivery.packet_id;
  entry.qos = delivery.qos;
  entry.retain = delivery.retain;
  queue.push(std::move(entry), totals_);
  if (now) {
    queue.mark_sent();
  } else if (conn) {
    hold_back(*conn);
  }
}

void Broker::State::enqueue_qos0(Session& session, Content& content, const Delivery& delivery) {
  Outgoing& queue = session.queue();
  store(content);
  if (!has_room(session, content.message->bytes())) {
    ++stats_.dropped_slow;
    return;
  }
  Outgoing::Entry entry{.message = content.message};
  entry.set_ids(delivery.ids);
  entry.retain = delivery.retain;
  queue.push(std::move(entry), totals_);
  hold_back(*session.conn);
}

bool Broker::State::has_room(Session& session, std::uint64_t bytes) {
  const Outgoing& queue = *session.outgoing;
  const auto fits = [&] {
    const std::uint64_t more = bytes + Outgoing::entry_bytes;
    return queue.waiting() < limits_.queued_messages &&
           queue.bytes() + more <= limits_.queued_bytes &&
           totals_.bytes + more <= limits_.total_queued_bytes;
  };
  if (fits()) return true;
  if (queue.first_expiry() <= now_) drop_expired(session);
  return fits();
}

void Broker::State::drop_expired(Session& session) {
  Outgoing& queue = *session.outgoing;
  base::Time first = never;
  for (std::size_t i = 0; i < queue.count();) {
    const Outgoing::Entry& entry = queue[i];
    const base::Time expires = entry.message ? entry.message->expires() : never;
    if (expires <= now_ && !entry.was_sent) {
      ++stats_.dropped_expired;
      drop_entry(session, i);
      continue;
    }
    if (!entry.was_sent) first = std::min(first, expires);
    ++i;
  }
  queue.set_first_expiry(first);
}

// Wills wait for the end of a call, so that no publish begins inside another.
void Broker::State::publish_due_wills() {
  for (std::size_t i = 0; i < due_wills_.size(); ++i) publish_will(due_wills_[i]);
  for (DueWill& due : due_wills_) spent_.wills.push_back(std::move(due.will));
  due_wills_.clear();
}

void Broker::State::publish_will(const DueWill& due) {
  persist_again(*due.will->message);
  Properties& properties = spent_.properties.emplace_back();
  Content content = content_of(due.will->message, properties);
  if (due.will->expiry) {
    // Its time begins here (3.1.3.2.4), so it takes a message of its own.
    properties.message_expiry = *due.will->expiry;
    content.properties = &properties;
    content.expires = now_ + std::chrono::seconds(*due.will->expiry);
    content.message = {};
  }
  const Session& session = *due.session;
  Arrived& arrived = out_->arrived.emplace_back();
  arrived.client_id = session.client_id;
  arrived.device = session.device;
  arrived.topic = content.topic;
  arrived.payload = content.payload;
  arrived.qos = content.qos;
  arrived.retain = due.will->retain;
  arrived.properties = content.properties;
  distribute(content, &session, due.will->retain);
}

}  // namespace selvedge::engine
