// Reading the durable state back.
//
// A session that was connected when the log ends is taken to have lost its connection when the log
// is read; its will, if it had one, is published then or after its delay.

#include <algorithm>
#include <utility>

#include "engine/session/broker_state.h"

namespace selvedge::engine {
namespace {

constexpr std::size_t most_message_bytes = 200 << 20;  // such that it can be encoded

}  // namespace

// Applies records to a broker that is new. Each apply() is false if the record cannot be.
struct Broker::State::Restorer {
  State& to;
  base::Time wall_now;
  std::unordered_map<std::uint64_t, Session*> sessions{};
  std::unordered_map<std::uint64_t, MessagePtr> messages{};
  std::size_t sweep_at = 1'024;

  Session* session(std::uint64_t number) {
    const auto it = sessions.find(number);
    return it == sessions.end() ? nullptr : it->second;
  }
  MessagePtr message(std::uint64_t number) {
    const auto it = messages.find(number);
    return it == messages.end() ? MessagePtr() : it->second;
  }

  bool apply(const record::SessionOpened& r) {
    const bool valid_version = r.version == 4 || r.version == 5;
    if (r.session == 0 || r.client_id.empty() || !valid_version || r.expiry == 0) return false;
    if (r.will_expiry > std::uint64_t{1} << 32) return false;
    Session*& known = sessions[r.session];
    if (known && known->client_id != r.client_id) return false;
    if (!known) {
      if (to.sessions_.contains(r.client_id)) return false;
      known = &to.make_session(r.client_id);
      known->number = r.session;
      to.last_number_ = std::max(to.last_number_, r.session);
    }
    Session& s = *known;
    s.device = r.device;
    s.version = static_cast<Version>(r.version);
    s.expiry = r.expiry;
    s.ends = wall_now + std::chrono::seconds(r.expiry);
    s.will.reset();
    s.will_due = never;
    if (r.next_packet_id != 0) s.queue().set_next_id(r.next_packet_id);
    if (r.will == 0) return true;
    s.will = std::make_unique<SessionWill>();
    s.will->message = message(r.will);
    s.will->retain = r.will_retain;
    s.will->delay = r.will_delay;
    if (r.will_expiry > 0) s.will->expiry = static_cast<std::uint32_t>(r.will_expiry - 1);
    s.will_due = wall_now + std::chrono::seconds(r.will_delay);
    return static_cast<bool>(s.will->message);
  }

  bool apply(const record::SessionLeft& r) {
    Session* s = session(r.session);
    if (!s) return false;
    s->ends = {r.ends};
    s->will_due = {r.will_due};
    if (s->will_due == never) s->will.reset();
    return true;
  }

  bool apply(const record::WillSent& r) {
    Session* s = session(r.session);
    if (!s) return false;
    s->will.reset();
    s->will_due = never;
    return true;
  }

  bool apply(const record::SessionEnded& r) {
    Session* s = session(r.session);
    if (!s) return false;
    while (!s->subscriptions.empty()) to.tree_.remove(*s->subscriptions.back());
    while (s->outgoing && s->outgoing->count() > 0) s->outgoing->remove(0, to.totals_);
    sessions.erase(r.session);
    to.sessions_.erase(to.sessions_.find(s->client_id));
    return true;
  }

  bool apply(const record::SubscriptionAdded& r) {
    Session* s = session(r.session);
    const bool shared = !r.group.empty();
    if (!s || !codec::mqtt::is_topic_filter(r.filter) || too_deep(r.filter)) return false;
    if ((r.options & ~0xF) != 0 || (r.options & 3) == 3 || shared != (r.group_number != 0)) {
      return false;
    }
    const SubscribedOptions options{.qos = static_cast<std::uint8_t>(r.options & 3),
                                    .no_local = (r.options & 4) != 0,
                                    .retain_as_published = (r.options & 8) != 0,
                                    .id = r.id};
    if (Subscribed* known = to.tree_.find(*s, r.group, r.filter)) {
      known->options = options;
      return true;
    }
    const ShareGroup* group = shared ? to.tree_.group(r.group_number) : nullptr;
    if (group && group->name != r.group) return false;
    to.tree_.add(*s, r.group, r.filter, options, r.group_number);
    return true;
  }

  bool apply(const record::SubscriptionRemoved& r) {
    Session* s = session(r.session);
    Subscribed* known = s ? to.tree_.find(*s, r.group, r.filter) : nullptr;
    if (known) to.tree_.remove(*known);
    return known != nullptr;
  }

  bool apply(const record::MessageStored& r) {
    Properties properties;
    if (r.message == 0 || r.qos > 2 || !codec::mqtt::is_topic_name(r.topic) ||
        too_deep(r.topic) || !unpack_properties(r.properties, properties) ||
        r.payload.size() + 2 * r.properties.size() > most_message_bytes) {
      return false;
    }
    if (messages.size() >= sweep_at) {
      std::erase_if(messages, [](const auto& each) { return each.second.unique(); });
      sweep_at = std::max<std::size_t>(1'024, messages.size() * 2);
    }
    MessagePtr made = MessagePtr::make({.topic = r.topic,
                                        .payload = r.payload,
                                        .properties = r.properties,
                                        .origin = r.origin,
                                        .qos = r.qos,
                                        .expires = {r.expires}});
    made->number = r.message;
    to.last_message_ = std::max(to.last_message_, r.message);
    newest = made;
    return messages.insert_or_assign(r.message, std::move(made)).second;
  }

  bool apply(const record::Queued& r) {
    Session* s = session(r.session);
    if (!s || r.packet_id == 0 || r.qos == 0 || r.qos > 2) return false;
    Outgoing& queue = s->queue();
    Outgoing::Entry entry;
    entry.message = message(r.message);
    if (!entry.message && !(r.released && r.message == 0 && r.qos == 2)) return false;
    if (queue.count() >= 65'535) return false;
    entry.set_ids(r.ids);
    entry.group = r.group_number;
    entry.packet_id = r.packet_id;
    entry.qos = r.qos;
    entry.retain = r.retain;
    entry.was_sent = r.sent || r.released;
    entry.released = r.released;
    queue.push(std::move(entry), to.totals_);
    // A snapshot names the next identifier first and then those given out before.
    const bool later = static_cast<std::uint16_t>(r.packet_id - queue.next_id()) < 0x8000;
    if (later) queue.set_next_id(static_cast<std::uint16_t>(r.packet_id + 1));
    return true;
  }

  // Nobody looked whether the identifiers of a queue differ while it grew.
  static bool sound(const Session& s) {
    std::vector<std::uint16_t> ids;
    for (std::size_t i = 0; s.outgoing && i < s.outgoing->count(); ++i) {
      ids.push_back((*s.outgoing)[i].packet_id);
    }
    std::ranges::sort(ids);
    return std::ranges::adjacent_find(ids) == ids.end();
  }

  bool apply(const record::Stepped& r) {
    Session* s = session(r.session);
    if (!s || r.packet_id == 0) return false;
    if (r.step == record::Step::received) {
      if (!s->received) s->received = std::make_unique<ReceivedIds>();
      if (s->received->find(r.packet_id)) return false;
      s->received->add({.packet_id = r.packet_id, .settled = true});
      return true;
    }
    if (r.step == record::Step::forgotten) return s->received && s->received->erase(r.packet_id);
    const std::size_t at = s->outgoing ? s->outgoing->find(r.packet_id) : Outgoing::none;
    if (at == Outgoing::none) return false;
    if (r.step == record::Step::done) {
      s->outgoing->remove(at, to.totals_);
    } else if (r.step == record::Step::sent) {
      (*s->outgoing)[at].was_sent = true;
    } else {
      if ((*s->outgoing)[at].qos != 2) return false;
      s->outgoing->release(at, to.totals_);
    }
    return true;
  }

  bool apply(const record::RetainedSet& r) {
    const MessagePtr kept = message(r.message);
    if (!kept || kept->payload().empty()) return false;
    to.retained_.set(kept, wall_now);  // limits may be lower than they were
    return true;
  }

  bool apply(const record::RetainedErased& r) {
    to.retained_.erase(r.topic);
    return true;
  }

  MessagePtr newest{};  // not yet used, so that a sweep leaves it
};

base::Result<void> Broker::State::restore(base::BytesView records, base::Time wall_now) {
  CHECK(!started_ && sessions_.empty());
  now_ = wall_now;
  Restorer restorer{*this, wall_now};
  record::Stream stream(records);
  for (std::uint64_t count = 1;; ++count) {
    const auto record = TRY(stream.next());
    if (!record) break;
    const bool applied = std::visit([&](const auto& r) { return restorer.apply(r); }, *record);
    if (!applied) {
      return base::fail(base::Code::corrupt,
                        "restore sessions: record " + std::to_string(count) +
                            " does not fit those before it");
    }
  }
  for (const auto& [number, session] : restorer.sessions) {
    if (!Restorer::sound(*session)) {
      return base::fail(base::Code::corrupt, "restore sessions: a packet identifier is used twice");
    }
    arm(*session);
  }
  stats_.sessions = sessions_.size();
  stats_.subscriptions = tree_.size();
  stats_.retained = retained_.count();
  stats_.queued_messages = totals_.messages;
  stats_.queued_bytes = totals_.bytes;
  return {};
}

}  // namespace selvedge::engine
