// Samples: one packet of every kind with every field in use, for the tests.

#pragma once

#include <string>
#include <vector>

#include "codec/mqtt/packet.h"

namespace selvedge::codec::mqtt::samples {

inline Properties publish_properties() {
  Properties p;
  p.payload_format = std::uint8_t{1};
  p.message_expiry = 3'600u;
  p.content_type = "application/json";
  p.response_topic = "answers/7";
  p.correlation_data = base::as_bytes("\x01\x02");
  p.user = {{"unit", "K"}, {"unit", "C"}};
  return p;
}

inline Connect connect(Version version) {
  Connect c;
  c.version = version;
  c.client_id = "press-4";
  c.clean_start = false;
  c.keep_alive = 30;
  c.username = "line1";
  c.password = base::as_bytes("secret");
  Will& will = c.will.emplace();
  will.topic = "state/press-4";
  will.payload = base::as_bytes("gone");
  will.qos = 1;
  will.retain = true;
  if (version == Version::v311) return c;
  will.properties = publish_properties();
  will.properties.will_delay = 5u;
  c.properties.session_expiry = 86'400u;
  c.properties.authentication_method = "SCRAM-SHA-256";
  c.properties.authentication_data = base::as_bytes("n,,n=u");
  c.properties.request_problem_information = std::uint8_t{0};
  c.properties.request_response_information = std::uint8_t{1};
  c.properties.receive_maximum = std::uint16_t{20};
  c.properties.topic_alias_maximum = std::uint16_t{8};
  c.properties.maximum_packet_size = 65'536u;
  c.properties.user = {{"k", ""}};
  return c;
}

inline ConnAck connack(Version version) {
  ConnAck c;
  c.session_present = true;
  if (version == Version::v311) return c;
  Properties& p = c.properties;
  p.session_expiry = 10u;
  p.assigned_client_id = "auto-1";
  p.server_keep_alive = std::uint16_t{60};
  p.authentication_method = "m";
  p.authentication_data = base::as_bytes("d");
  p.response_information = "answers/";
  p.server_reference = "b.example";
  p.reason_string = "welcome";
  p.receive_maximum = std::uint16_t{16};
  p.topic_alias_maximum = std::uint16_t{4};
  p.maximum_qos = std::uint8_t{1};
  p.retain_available = std::uint8_t{0};
  p.user = {{"a", "b"}};
  p.maximum_packet_size = 1'000u;
  p.wildcard_available = std::uint8_t{1};
  p.subscription_ids_available = std::uint8_t{0};
  p.shared_available = std::uint8_t{1};
  return c;
}

inline Publish publish(Version version, std::uint8_t qos) {
  Publish p;
  p.topic = "factory/line1/press4/temperature";
  p.payload = base::as_bytes("21.5");
  p.qos = qos;
  p.packet_id = qos > 0 ? std::uint16_t{513} : std::uint16_t{0};
  p.retain = true;
  p.duplicate = qos > 0;
  if (version == Version::v311) return p;
  p.properties = publish_properties();
  p.properties.subscription_ids = {1, 127, 128, 268'435'455};
  p.properties.topic_alias = std::uint16_t{3};
  return p;
}

inline Properties acknowledgement_properties(Version version) {
  Properties p;
  if (version == Version::v311) return p;
  p.reason_string = "because";
  p.user = {{"a", "b"}};
  return p;
}

template <typename Packet>
Packet acknowledgement(Version version, Reason reason) {
  return {.packet_id = 7, .reason = version == Version::v5 ? reason : Reason::success,
          .properties = acknowledgement_properties(version)};
}

// Each packet on its own, encoded.
inline std::vector<base::Bytes> all(Version version) {
  std::vector<base::Bytes> list;
  const auto add = [&](const auto& packet) { encode(packet, version, list.emplace_back()); };
  encode(connect(version), list.emplace_back());
  add(connack(version));
  for (const int qos : {0, 1, 2}) add(publish(version, static_cast<std::uint8_t>(qos)));
  add(acknowledgement<PubAck>(version, Reason::no_matching_subscribers));
  add(acknowledgement<PubRec>(version, Reason::quota_exceeded));
  add(acknowledgement<PubRel>(version, Reason::packet_identifier_not_found));
  add(acknowledgement<PubComp>(version, Reason::success));
  Subscribe subscribe{.packet_id = 9,
                      .subscriptions = {{.filter = "a/+/b", .qos = 2}, {.filter = "#"}},
                      .properties = {}};
  if (version == Version::v5) {
    subscribe.subscriptions[1] = {.filter = "$share/g/#", .qos = 1, .no_local = true,
                                  .retain_as_published = true, .retain_handling = 2};
    subscribe.properties.subscription_ids = {77};
  }
  add(subscribe);
  add(SubAck{.packet_id = 9, .reasons = {Reason::granted_qos_2, Reason::unspecified_error},
             .properties = acknowledgement_properties(version)});
  add(Unsubscribe{.packet_id = 10, .filters = {"a/+/b", "#"}, .properties = {}});
  UnsubAck unsuback{.packet_id = 10, .reasons = {},
                    .properties = acknowledgement_properties(version)};
  if (version == Version::v5) unsuback.reasons = {Reason::success, Reason::no_subscription_existed};
  add(unsuback);
  encode(PingReq{}, list.emplace_back());
  encode(PingResp{}, list.emplace_back());
  Disconnect disconnect;
  if (version == Version::v5) {
    disconnect.reason = Reason::server_moved;
    disconnect.properties = acknowledgement_properties(version);
    disconnect.properties.server_reference = "c.example";
    disconnect.properties.session_expiry = 0u;
  }
  add(disconnect);
  if (version == Version::v5) {
    Auth auth{.reason = Reason::continue_authentication, .properties = {}};
    auth.properties.authentication_method = "m";
    auth.properties.authentication_data = base::as_bytes("x");
    encode(auth, list.emplace_back());
  }
  return list;
}

// Encodes whatever the decoder gave.
inline void encode_any(const Packet& packet, Version version, base::Bytes& out) {
  std::visit([&]<typename T>(const T& one) {
    if constexpr (requires { encode(one, version, out); }) {
      encode(one, version, out);
    } else {
      encode(one, out);
    }
  }, packet);
}

}  // namespace selvedge::codec::mqtt::samples
