// MQTT packets: 3.1.1 and 5.0, bytes to values and back.
//
// A Decoder is fed bytes as they arrive and yields packets whose views point into those bytes (or
// into its own buffer when a packet came in pieces). It checks everything the standard calls
// malformed and knows the largest packet allowed before it keeps a byte of it. Encoding appends to
// a byte vector and cannot fail. Sources: OASIS MQTT 3.1.1 (2014), MQTT 5.0 (2019).

#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec::mqtt {

enum class Version : std::uint8_t { v311 = 4, v5 = 5 };

// Reason codes of MQTT 5 (2.4). The encoder maps them to the return codes of 3.1.1.
enum class Reason : std::uint8_t {
  success = 0x00,
  granted_qos_1 = 0x01,
  granted_qos_2 = 0x02,
  disconnect_with_will = 0x04,
  no_matching_subscribers = 0x10,
  no_subscription_existed = 0x11,
  continue_authentication = 0x18,
  re_authenticate = 0x19,
  unspecified_error = 0x80,
  malformed_packet = 0x81,
  protocol_error = 0x82,
  implementation_error = 0x83,
  unsupported_protocol_version = 0x84,
  client_identifier_not_valid = 0x85,
  bad_user_name_or_password = 0x86,
  not_authorized = 0x87,
  server_unavailable = 0x88,
  server_busy = 0x89,
  banned = 0x8A,
  server_shutting_down = 0x8B,
  bad_authentication_method = 0x8C,
  keep_alive_timeout = 0x8D,
  session_taken_over = 0x8E,
  topic_filter_invalid = 0x8F,
  topic_name_invalid = 0x90,
  packet_identifier_in_use = 0x91,
  packet_identifier_not_found = 0x92,
  receive_maximum_exceeded = 0x93,
  topic_alias_invalid = 0x94,
  packet_too_large = 0x95,
  message_rate_too_high = 0x96,
  quota_exceeded = 0x97,
  administrative_action = 0x98,
  payload_format_invalid = 0x99,
  retain_not_supported = 0x9A,
  qos_not_supported = 0x9B,
  use_another_server = 0x9C,
  server_moved = 0x9D,
  shared_subscriptions_not_supported = 0x9E,
  connection_rate_exceeded = 0x9F,
  maximum_connect_time = 0xA0,
  subscription_identifiers_not_supported = 0xA1,
  wildcard_subscriptions_not_supported = 0xA2,
};
bool is_error(Reason reason);                    // 0x80 and above
std::string_view name(Reason reason);

// Properties of MQTT 5 (2.2.2.2); absent ones are empty. Views point into the packet.
struct Properties {
  std::optional<std::uint8_t> payload_format;
  std::optional<std::uint32_t> message_expiry;
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> response_topic;
  std::optional<base::BytesView> correlation_data;
  std::vector<std::uint32_t> subscription_ids;
  std::optional<std::uint32_t> session_expiry;
  std::optional<std::string_view> assigned_client_id;
  std::optional<std::uint16_t> server_keep_alive;
  std::optional<std::string_view> authentication_method;
  std::optional<base::BytesView> authentication_data;
  std::optional<std::uint8_t> request_problem_information;
  std::optional<std::uint32_t> will_delay;
  std::optional<std::uint8_t> request_response_information;
  std::optional<std::string_view> response_information;
  std::optional<std::string_view> server_reference;
  std::optional<std::string_view> reason_string;
  std::optional<std::uint16_t> receive_maximum;
  std::optional<std::uint16_t> topic_alias_maximum;
  std::optional<std::uint16_t> topic_alias;
  std::optional<std::uint8_t> maximum_qos;
  std::optional<std::uint8_t> retain_available;
  std::vector<std::pair<std::string_view, std::string_view>> user;
  std::optional<std::uint32_t> maximum_packet_size;
  std::optional<std::uint8_t> wildcard_available;
  std::optional<std::uint8_t> subscription_ids_available;
  std::optional<std::uint8_t> shared_available;
};

struct Will {
  std::string_view topic{};
  base::BytesView payload{};
  std::uint8_t qos = 0;
  bool retain = false;
  Properties properties{};
};

struct Connect {
  Version version = Version::v5;
  std::string_view client_id{};
  bool clean_start = true;
  std::uint16_t keep_alive = 0;
  std::optional<std::string_view> username{};
  std::optional<base::BytesView> password{};
  std::optional<Will> will{};
  Properties properties{};
};

struct ConnAck {
  bool session_present = false;
  Reason reason = Reason::success;
  Properties properties{};
};

struct Publish {
  std::string_view topic{};                      // empty if a topic alias stands for it
  base::BytesView payload{};
  std::uint16_t packet_id = 0;                   // QoS 1 and 2
  std::uint8_t qos = 0;
  bool retain = false, duplicate = false;
  Properties properties{};
};

struct PubAck { std::uint16_t packet_id = 0; Reason reason{}; Properties properties{}; };
struct PubRec { std::uint16_t packet_id = 0; Reason reason{}; Properties properties{}; };
struct PubRel { std::uint16_t packet_id = 0; Reason reason{}; Properties properties{}; };
struct PubComp { std::uint16_t packet_id = 0; Reason reason{}; Properties properties{}; };

struct Subscription {
  std::string_view filter{};
  std::uint8_t qos = 0;
  bool no_local = false, retain_as_published = false;
  std::uint8_t retain_handling = 0;
};
struct Subscribe {
  std::uint16_t packet_id = 0;
  std::vector<Subscription> subscriptions{};
  Properties properties{};
};
struct SubAck {
  std::uint16_t packet_id = 0;
  std::vector<Reason> reasons{};
  Properties properties{};
};
struct Unsubscribe {
  std::uint16_t packet_id = 0;
  std::vector<std::string_view> filters{};
  Properties properties{};
};
struct UnsubAck {
  std::uint16_t packet_id = 0;
  std::vector<Reason> reasons{};
  Properties properties{};
};
struct PingReq {};
struct PingResp {};
struct Disconnect { Reason reason{}; Properties properties{}; };
struct Auth { Reason reason{}; Properties properties{}; };

using Packet = std::variant<Connect, ConnAck, Publish, PubAck, PubRec, PubRel, PubComp, Subscribe,
                            SubAck, Unsubscribe, UnsubAck, PingReq, PingResp, Disconnect, Auth>;

// Why a packet could not be taken, with the reason code to answer with.
struct DecodeError {
  Reason reason = Reason::malformed_packet;
  std::string_view what;                         // static text
};

class Reader;
enum class Type : std::uint8_t;

// Splits a byte stream into packets and decodes them, for a server or a client. Which packets may
// come from which side, and when, is for the session to judge. After an error the stream is lost:
// every further next() gives that error again.
class Decoder {
 public:
  explicit Decoder(std::uint32_t max_packet_bytes) : max_(max_packet_bytes) {}
  Decoder(Decoder&&) = default;
  Decoder& operator=(Decoder&&) = default;

  // A decoded CONNECT sets the version (3.1.1 also when its level is below 5 and refused, so that
  // the refusal is understood); a client sets it before the CONNACK. Default 5.
  void set_version(Version version) { version_ = version; }
  Version version() const { return version_; }
  void set_max_packet(std::uint32_t bytes) { max_ = bytes; }

  // Gives bytes; call next() until it yields nothing or an error. The bytes of `feed` must live
  // until then; what is left over is copied by the last next().
  void feed(base::BytesView bytes);
  // A packet (it and its views are valid until the next call), null (needs more bytes), or an
  // error. The packet lies in the decoder, because making a new one each time costs more than
  // decoding it.
  std::expected<const Packet*, DecodeError> next();
  // Copies what next() has not taken, so that the caller may stop in between and go on later.
  void keep();
  std::size_t buffered() const { return partial_.size() - taken_; }

 private:
  struct Header {
    std::uint8_t first = 0;
    std::uint32_t size = 0;                      // of the fixed header; 0: incomplete
    std::uint32_t body = 0;                      // remaining length
  };
  bool read_header(base::BytesView bytes, Header& header);
  bool complete_partial(Header& header);
  std::expected<const Packet*, DecodeError> decode(const Header& header, base::BytesView body);
  void decode_rare(Type type, Reader& in);
  void fail(Reason reason, std::string_view what);

  Version version_ = Version::v5;
  std::uint32_t max_;
  base::BytesView in_;
  base::Bytes partial_;                          // packets that came in pieces, or were kept
  std::size_t taken_ = 0;                        // how much of it next() has yielded
  Packet packet_;
  bool has_properties_ = false;                  // in packet_, which is reused
  std::optional<DecodeError> error_;
};

// Properties that a packet may not carry are left out, and a reason code that it may not carry is
// written as the nearest that it may (unspecified_error; protocol_error in DISCONNECT).
// A text or binary field over 65,535 bytes, or a packet over 268,435,455, is a bug of the caller.
void encode(const Connect& packet, base::Bytes& out);
void encode(const ConnAck& packet, Version version, base::Bytes& out);
void encode(const Publish& packet, Version version, base::Bytes& out);
void encode(const PubAck& packet, Version version, base::Bytes& out);
void encode(const PubRec& packet, Version version, base::Bytes& out);
void encode(const PubRel& packet, Version version, base::Bytes& out);
void encode(const PubComp& packet, Version version, base::Bytes& out);
void encode(const Subscribe& packet, Version version, base::Bytes& out);
void encode(const SubAck& packet, Version version, base::Bytes& out);
void encode(const Unsubscribe& packet, Version version, base::Bytes& out);
void encode(const UnsubAck& packet, Version version, base::Bytes& out);
void encode(const PingReq& packet, base::Bytes& out);
void encode(const PingResp& packet, base::Bytes& out);
void encode(const Disconnect& packet, Version version, base::Bytes& out);
void encode(const Auth& packet, base::Bytes& out);

// Topics (4.7). A name has no wildcard; a filter may; "$share/group/filter" is taken apart.
bool is_topic_name(std::string_view topic);
bool is_topic_filter(std::string_view filter);
// True if the filter matches; wildcards at the front do not match topics that begin with '$'.
bool matches(std::string_view filter, std::string_view topic);
struct SharedFilter {
  std::string_view group, filter;                // group empty: not shared
};
std::optional<SharedFilter> split_shared(std::string_view filter);   // nothing if malformed

}  // namespace selvedge::codec::mqtt
