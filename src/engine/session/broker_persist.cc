// The durable state as records: each change as it happens, and all of it as a snapshot.

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "engine/session/broker_state.h"

namespace selvedge::engine {
namespace {

std::uint8_t packed_options(const SubscribedOptions& options) {
  return static_cast<std::uint8_t>(options.qos | (options.no_local ? 4 : 0) |
                                   (options.retain_as_published ? 8 : 0));
}

record::MessageStored stored(const Message& message, std::int64_t expires) {
  return {.message = message.number,
          .topic = message.topic(),
          .payload = message.payload(),
          .properties = message.properties(),
          .origin = message.origin(),
          .qos = message.qos(),
          .expires = expires};
}

record::SessionOpened opened(const Session& session) {
  record::SessionOpened r{.session = session.number,
                          .client_id = session.client_id,
                          .device = session.device,
                          .version = static_cast<std::uint8_t>(session.version),
                          .expiry = session.expiry};
  if (session.outgoing) r.next_packet_id = session.outgoing->next_id();
  if (const SessionWill* will = session.will.get()) {
    r.will = will->message->number;
    r.will_retain = will->retain;
    r.will_delay = will->delay;
    r.will_expiry = will->expiry ? *will->expiry + std::uint64_t{1} : 0;
  }
  return r;
}

}  // namespace

record::SubscriptionAdded Broker::State::added(const Subscribed& subscribed,
                                               std::string_view filter) {
  record::SubscriptionAdded r{.session = subscribed.session->number,
                              .filter = filter,
                              .options = packed_options(subscribed.options),
                              .id = subscribed.options.id};
  if (const ShareGroup* group = subscribed.group) {
    r.group = group->name;
    r.group_number = group->number;
  }
  return r;
}

std::uint64_t Broker::State::persisted(Message& message) {
  if (message.number == 0) {
    message.number = ++last_message_;
    persist(stored(message, wall(message.expires())));
  }
  return message.number;
}

// For a message that the log may have forgotten, because nothing durable held it for a while.
void Broker::State::persist_again(Message& message) {
  if (message.number == 0) return;
  message.number = 0;
  persisted(message);
}

void Broker::State::persist_step(const Session& session, std::uint16_t packet_id,
                                 record::Step step) {
  if (!session.durable()) return;
  persist(record::Stepped{.session = session.number, .packet_id = packet_id, .step = step});
}

void Broker::State::persist_opened(Session& session) {
  if (session.will) persisted(*session.will->message);
  persist(opened(session));
}

void Broker::State::snapshot(base::Bytes& records) const {
  std::unordered_set<std::uint64_t> written;
  const auto message = [&](const Message& each) {
    if (written.insert(each.number).second) write(stored(each, wall(each.expires())), records);
  };
  std::vector<const Session*> durable;
  for (const auto& [id, session] : sessions_) {
    if (session->durable()) durable.push_back(session.get());
  }
  std::ranges::sort(durable, {}, &Session::number);
  for (const Session* session : durable) {
    if (session->will) message(*session->will->message);
    write(opened(*session), records);
    for (const auto& subscribed : session->subscriptions) {
      const std::string filter = tree_.filter_of(*subscribed);
      write(added(*subscribed, filter), records);
    }
    for (std::size_t i = 0; session->outgoing && i < session->outgoing->count(); ++i) {
      const Outgoing::Entry& entry = (*session->outgoing)[i];
      if (entry.qos == 0) continue;
      if (entry.message) message(*entry.message);
      write(record::Queued{.session = session->number,
                           .message = entry.message ? entry.message->number : 0,
                           .packet_id = entry.packet_id,
                           .qos = entry.qos,
                           .retain = entry.retain,
                           .sent = entry.was_sent,
                           .released = entry.released,
                           .group_number = entry.group,
                           .ids = entry.ids()},
            records);
    }
    if (session->received) {
      for (const ReceivedIds::Id& id : *session->received) {
        if (!id.settled) continue;
        write(record::Stepped{session->number, id.packet_id, record::Step::received}, records);
      }
    }
    if (session->conn) continue;
    write(record::SessionLeft{.session = session->number,
                              .ends = wall(session->ends),
                              .will_due = wall(session->will_due)},
          records);
  }
  retained_.for_each([&](const MessagePtr& each) {
    message(*each);
    write(record::RetainedSet{.message = each->number}, records);
  });
}

}  // namespace selvedge::engine
