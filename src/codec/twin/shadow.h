// Shadow: what devices say of their twins on MQTT topics, and what they are answered.
//
//   $twin/<device>[/name/<feature>]/get | update | delete
//
// The payloads are like those of AWS device shadows: {"state": {"reported": .., "desired": ..},
// "version": N, "clientToken": ".."}. Decoding trusts nothing; sizes are bounded by the caller,
// depth by the parser. Pure; any thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec::twin {

enum class ShadowVerb : std::uint8_t { get, update, remove };

struct ShadowTopic {
  std::string_view device, feature;    // feature is empty for the whole twin
  ShadowVerb verb{};
};

inline constexpr std::string_view shadow_root = "$twin/";
inline constexpr std::string_view command_root = "$command/";

// What a device asks for by publishing to `topic`; nothing if that is no such topic.
std::optional<ShadowTopic> parse_shadow_topic(std::string_view topic);
// "$twin/<device>[/name/<feature>]"
std::string shadow_prefix(std::string_view device, std::string_view feature);

// "$command/<device>[/name/<feature>]/<subject>/<correlation>" and the answer to it:
// ".../reply" or ".../reply/<status>".
struct ReplyTopic {
  std::string_view device, correlation;
  std::uint16_t status = 200;
};
std::string command_topic(std::string_view device, std::string_view feature,
                          std::string_view subject, std::string_view correlation);
std::optional<ReplyTopic> parse_reply_topic(std::string_view topic);

struct ShadowHalf {
  enum class Says : std::uint8_t { nothing, clear, members };   // absent, null, an object
  Says says = Says::nothing;
  // Each with its value as JSON text: features of the whole twin, or properties of one feature.
  std::vector<std::pair<std::string, std::string>> members;
};

struct ShadowRequest {
  ShadowHalf reported, desired;
  std::optional<std::uint64_t> version;
  std::string client_token;
};

// An update; Code::invalid_input says what is wrong with it. `client_token` is set as soon as it is
// known, so that a refusal can carry it. `whole`: members are features and must be objects or null.
base::Result<void> decode_update(base::BytesView payload, bool whole, ShadowRequest& into);
// A get or a delete: nothing, or an object with at most a version and a clientToken.
base::Result<void> decode_request(base::BytesView payload, ShadowRequest& into);

}  // namespace selvedge::codec::twin
