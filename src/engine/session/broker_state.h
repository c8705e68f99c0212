// The inside of the Broker, shared by the broker_*.cc files and by nobody else. Each group of
// functions below is one of those files.
//
// Time inside is `now_`: wall clock when restored (else zero) and from then on advanced by the
// monotonic clock, so that deadlines neither jump with the wall clock nor lose their meaning on
// disk, where they are written as wall-clock times.
//
// What a call takes out of use (connections, sessions, decoders, logins) lives on in `spent_`
// until the next call, because views into it are in the Outputs.

#pragma once

#include <array>
#include <deque>
#include <memory_resource>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "engine/session/broker.h"
#include "engine/session/flat_map.h"
#include "engine/session/record.h"
#include "engine/session/retained.h"
#include "engine/session/session.h"
#include "engine/session/timers.h"
#include "engine/session/topic_tree.h"

namespace selvedge::engine {

// Not limits of the host's, but of sense.
inline constexpr std::uint16_t most_inflight = 1024;     // to a client that allows more
inline constexpr std::uint16_t inflight_311 = 64;        // to one that cannot say
inline constexpr std::uint32_t unsettled_311 = 4096;     // from one that we cannot tell
inline constexpr std::uint64_t burst_bytes = 64 << 20;   // output of one call, until it is fetched
inline constexpr std::size_t shared_payload_bytes = 512; // from here on sent from one copy

using codec::mqtt::Properties;
using codec::mqtt::Reason;
using codec::mqtt::Version;

// A message on its way through the broker, not necessarily stored.
struct Content {
  std::string_view topic;
  base::BytesView payload;
  const Properties* properties = nullptr;  // null: none
  std::string_view origin{};               // client id of the publisher
  std::uint8_t qos = 0;
  base::Time expires = never;
  MessagePtr message{};                    // stored, as soon as somebody has to keep it
};

// How one client gets it.
struct Delivery {
  std::uint8_t qos = 0;
  bool retain = false, duplicate = false;
  std::uint16_t packet_id = 0;
  std::uint32_t group = 0;                 // number of the share group it comes by
  std::span<const std::uint32_t> ids{};    // subscription identifiers
};

// What ends a connection, and who is told how.
struct Ending {
  Reason reason = Reason::success;         // for DISCONNECT, if `tell`
  std::string why{};
  bool tell = false, error = false;
};

enum class WillFate : std::uint8_t { publish, discard };

struct Broker::State {
  State(BrokerLimits limits, Access access);
  ~State();

  // broker.cc
  void begin(base::Instant now, base::Time wall_now, Outputs& out);
  void begin(base::Instant now, Outputs& out);
  void finish();                           // the end of each call
  void publish_due_wills();
  struct DueWill {
    std::unique_ptr<SessionWill> will;
    Session* session = nullptr;            // alive, or in spent_
  };
  void publish_will(const DueWill& due);
  void start(base::Instant now);
  std::vector<SessionInfo> sessions(std::size_t limit) const;
  Conn* find(ConnId id) const { return conns_.find(static_cast<std::uint64_t>(id)); }
  std::string_view keep(std::string_view text);  // a copy, if it would not last until the next call
  base::BytesView keep(base::BytesView bytes);
  const Properties* keep(const Properties& properties);
  std::int64_t wall(base::Time at) const;  // of `now_` time, for records

  // broker_packets.cc: bytes to packets to the functions that take them
  void run(Conn& conn, base::BytesView bytes);
  void take(Conn& conn, const codec::mqtt::Packet& packet);
  void wait_for_login(Conn& conn);
  void undecodable(Conn& conn, const codec::mqtt::DecodeError& error);

  // broker_connect.cc
  void open(ConnId id, ConnFacts facts);
  void on_connect(Conn& conn, const codec::mqtt::Connect& connect);
  void authorise(Conn& conn, Grant grant);
  void refuse(Conn& conn, Reason reason, std::string why);
  std::string assigned_id(const Conn& conn, Grant& grant) const;
  Session* previous_session(const std::string& client_id, std::string_view device,
                            bool clean_start);
  Session& make_session(std::string_view client_id);
  void open_session(Conn& conn, const codec::mqtt::Connect& connect, Session& session);
  void set_will(Session& session, const codec::mqtt::Will& will);
  void accept(Conn& conn, const codec::mqtt::Connect& connect, bool present, bool assigned);

  // broker_close.cc
  void on_disconnect(Conn& conn, const codec::mqtt::Disconnect& disconnect);
  void end(Conn& conn, Ending ending, WillFate fate = WillFate::publish);
  void protocol_error(Conn& conn, Reason reason, std::string why);
  void shut_down();
  void part(Conn& conn, WillFate fate);    // the connection is gone
  void leave(Session& session, ConnId conn);
  void end_session(Session& session);
  void forget_departed(Session& session);
  std::uint32_t granted_expiry(std::uint32_t wanted) const;

  // broker_publish.cc: from clients
  void on_publish(Conn& conn, const codec::mqtt::Publish& publish);
  void on_pubrel(Conn& conn, std::uint16_t packet_id);
  bool resolve_topic(Conn& conn, const codec::mqtt::Publish& publish, std::string_view& topic);
  bool has_window(Conn& conn);
  void deny(Conn& conn, const codec::mqtt::Publish& publish);
  bool is_resend(Conn& conn, const codec::mqtt::Publish& publish);
  void settle(const Token& token, Reason reason);
  void settle_departed(const Token& token, Reason reason);
  void settle_id(Session& session, std::uint16_t packet_id, Reason reason);
  void acknowledge(Conn& conn);

  // broker_forward.cc: to everyone who subscribed
  struct Target {
    Session* session = nullptr;
    std::uint8_t qos = 0;
    bool retain_as_published = false;
    std::vector<std::uint32_t> ids;
  };
  // Keeps it, if it is to be retained, and sends it on.
  std::size_t distribute(Content& content, const Session* from, bool retain);
  void retain(Content& content);
  // To `only` and nobody else, if it is given. Returns how many that are connected should get it.
  std::size_t forward(Content& content, const Session* from, bool retain,
                      const Session* only = nullptr);
  void collect(const TopicTree::Node& node, const Session* from);
  void deliver(Session& session, Content& content, const Delivery& delivery);
  void deliver_shared(ShareGroup& group, Content& content, bool retain, const Session* leaving);
  const Subscribed* whose_turn(ShareGroup& group, const Session* leaving);
  enum class Leaving : std::uint8_t { away, for_good };
  void redistribute(Session& session, Leaving leaving);
  void enqueue(Session& session, Content& content, const Delivery& delivery);
  void enqueue_qos0(Session& session, Content& content, const Delivery& delivery);
  bool has_room(Session& session, std::uint64_t bytes);
  void drop_expired(Session& session);
  void store(Content& content);            // makes content.message
  static Content content_of(const MessagePtr& message, Properties& properties);

  // broker_send.cc: to one client
  void prepare(const Content& content);    // before send_publish; the content must outlive it
  bool send_publish(Conn& conn, const Delivery& delivery);  // false: too large for the client
  bool place_alias(Conn& conn);
  std::optional<std::uint32_t> seconds_left(base::Time expires) const;
  void drain(Session& session);
  void unsent(Conn& conn, std::uint64_t bytes);
  bool send_entry(Conn& conn, const Outgoing::Entry& entry);
  bool congested(const Conn& conn) const;
  void hold_back(Conn& conn);
  struct Range {                           // of out_->bytes
    std::uint32_t begin = 0, end = 0;
  };
  Range range_from(std::size_t begin) const;
  void emit(Conn& conn, Range range);
  void send_pong(Conn& conn);
  template <typename Packet>
  void send(Conn& conn, Packet& packet);
  template <typename Packet>
  void send_ack(Conn& conn, std::uint16_t packet_id, Reason reason);
  void on_puback(Conn& conn, std::uint16_t packet_id);
  void on_pubrec(Conn& conn, std::uint16_t packet_id, Reason reason);
  void on_pubcomp(Conn& conn, std::uint16_t packet_id);
  void drop_entry(Session& session, std::size_t at);

  // broker_subscribe.cc
  void on_subscribe(Conn& conn, const codec::mqtt::Subscribe& subscribe);
  Reason subscribe(Conn& conn, const codec::mqtt::SharedFilter& share,
                   const codec::mqtt::Subscription& wanted, std::uint32_t id, bool& is_new);
  void send_retained(Session& session, const codec::mqtt::Subscription& wanted, std::uint32_t id);
  void on_unsubscribe(Conn& conn, const codec::mqtt::Unsubscribe& unsubscribe);

  // broker_time.cc
  void arm(Conn& conn);
  void arm(Session& session);
  void tick();
  std::optional<base::Instant> wake_at() const;
  void fire(Conn& conn);
  void fire(Session& session);
  void resume_held_back();

  // broker_persist.cc
  void snapshot(base::Bytes& records) const;
  template <typename Record>
  void persist(const Record& record);
  static record::SubscriptionAdded added(const Subscribed& subscribed, std::string_view filter);
  std::uint64_t persisted(Message& message);  // its number, written first if need be
  void persist_again(Message& message);
  void persist_step(const Session& session, std::uint16_t packet_id, record::Step step);
  void persist_opened(Session& session);

  // broker_restore.cc
  struct Restorer;
  base::Result<void> restore(base::BytesView records, base::Time wall_now);

  BrokerLimits limits_;
  const Access access_;
  BrokerStats stats_;

  // Time.
  base::Time now_{};
  std::int64_t base_ = 0;                  // now_ - Instant
  std::int64_t drift_ = 0;                 // wall clock - now_
  bool started_ = false;                   // there was an Instant, so base_ is known
  std::uint64_t call_ = 0;
  Outputs* out_ = nullptr;

  FlatMap<Conn> conns_;                    // owned
  std::unordered_map<std::string_view, std::unique_ptr<Session>> sessions_;  // by their client_id
  FlatMap<Session> departed_;              // by closed ConnId, while QoS 2 publishes are unsettled
  std::uint64_t last_number_ = 0, last_message_ = 0;
  TopicTree tree_;
  Retained retained_;
  Timers timers_;
  QueueTotals totals_;
  std::vector<ConnId> held_back_;
  std::vector<DueWill> due_wills_;

  struct Spent {
    std::vector<std::unique_ptr<Conn>> conns;
    std::vector<std::unique_ptr<Session>> sessions;
    std::vector<std::unique_ptr<Login>> logins;
    std::vector<std::unique_ptr<codec::mqtt::Decoder>> decoders;
    std::vector<std::unique_ptr<SessionWill>> wills;
    std::deque<Properties> properties;
  };
  Spent spent_;
  std::vector<std::unique_ptr<codec::mqtt::Decoder>> idle_decoders_;
  base::BytesView fed_;                    // the bytes of this call
  bool arena_used_ = false;
  std::array<std::byte, 16 << 10> arena_start_;
  std::pmr::monotonic_buffer_resource arena_{arena_start_.data(), arena_start_.size()};

  // Scratch of forward() and send_publish(), to allocate nothing per message.
  std::uint64_t match_ = 0;
  std::vector<Target> targets_;
  std::size_t target_count_ = 0;
  std::vector<ShareGroup*> groups_;
  codec::mqtt::Publish scratch_;
  std::string_view scratch_topic_;
  base::Time scratch_expires_ = never;
  bool scratch_has_properties_ = false;
  base::Bytes packed_;
  std::tuple<codec::mqtt::PubAck, codec::mqtt::PubRec, codec::mqtt::PubRel, codec::mqtt::PubComp>
      acks_;                               // kept, as making one costs more than sending it
  std::array<Range, 4> same_;              // QoS 0 packets that others can have as they are
  Range payload_;                          // of the prepared content, once it is in the output
};

// Appends a packet that is not a PUBLISH and cannot be too large but for its reason string.
template <typename Packet>
void Broker::State::send(Conn& conn, Packet& packet) {
  base::Bytes& bytes = out_->bytes;
  const std::size_t begin = bytes.size();
  codec::mqtt::encode(packet, conn.version, bytes);
  if (bytes.size() - begin > conn.max_packet && packet.properties.reason_string) {
    bytes.resize(begin);
    packet.properties.reason_string.reset();
    codec::mqtt::encode(packet, conn.version, bytes);
  }
  ++stats_.packets_sent;
  emit(conn, range_from(begin));
}

template <typename Packet>
void Broker::State::send_ack(Conn& conn, std::uint16_t packet_id, Reason reason) {
  Packet& packet = std::get<Packet>(acks_);
  packet.packet_id = packet_id;
  packet.reason = reason;
  packet.properties.reason_string.reset();
  if (codec::mqtt::is_error(reason) && conn.wants_problems) {
    packet.properties.reason_string = codec::mqtt::name(reason);
  }
  send(conn, packet);
}

template <typename Record>
void Broker::State::persist(const Record& record) {
  record::write(record, out_->persist);
  ++out_->persist_records;
}

}  // namespace selvedge::engine
