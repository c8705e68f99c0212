#include "codec/twin/shadow.h"

#include <simdjson.h>

#include "base/text.h"
#include "codec/twin/twin.h"

namespace selvedge::codec::twin {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using simdjson::dom::object;

constexpr std::size_t parser_depth = 64;

std::unexpected<base::Error> wrong(std::string_view why) {
  return base::fail(base::Code::invalid_input, std::string(why));
}

// Parses `payload` and hands its object to `take`. The parser lives as long as that.
template <typename Take>
base::Result<void> with_object(base::BytesView payload, const Take& take) {
  thread_local simdjson::dom::parser parser;
  if (parser.max_depth() != parser_depth && parser.allocate(payload.size() + 64, parser_depth))
    return wrong("the payload cannot be parsed");
  element root;
  const simdjson::padded_string text(base::as_text(payload));
  if (const auto error = parser.parse(text).get(root))
    return wrong("the payload is no JSON: " + std::string(simdjson::error_message(error)));
  object members;
  if (root.get_object().get(members)) return wrong("the payload is no JSON object");
  return take(members);
}

base::Result<void> read_token(const object& members, ShadowRequest& into) {
  element token;
  if (members["clientToken"].get(token)) return {};
  std::string_view text;
  if (token.get_string().get(text)) return wrong("clientToken must be text");
  if (text.size() > max_token_bytes) return wrong("clientToken is longer than 64 bytes");
  into.client_token = text;
  return {};
}

base::Result<void> read_version(const object& members, ShadowRequest& into) {
  element version;
  if (members["version"].get(version) || version.is_null()) return {};
  std::uint64_t number = 0;
  if (version.get_uint64().get(number)) return wrong("version must be a whole number");
  into.version = number;
  return {};
}

base::Result<void> read_half(std::string_view name, const element& value, bool whole,
                             ShadowHalf& half) {
  if (value.is_null()) {
    half.says = ShadowHalf::Says::clear;
    return {};
  }
  object members;
  if (value.get_object().get(members))
    return wrong("state." + std::string(name) + " must be an object or null");
  half.says = ShadowHalf::Says::members;
  for (const auto& [key, member] : members) {
    if (whole && member.type() != element_type::OBJECT && !member.is_null()) {
      return wrong("state." + std::string(name) + "." + base::printable(key) +
                   " must be an object: the members of a whole twin are its features");
    }
    half.members.emplace_back(std::string(key), simdjson::minify(member));
  }
  return {};
}

// The next level of `rest`, which becomes what is behind it; empty if there is none.
std::string_view take_level(std::string_view& rest) {
  const std::size_t slash = rest.find('/');
  const std::string_view level = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  return level;
}

}  // namespace

std::optional<ShadowTopic> parse_shadow_topic(std::string_view topic) {
  if (!topic.starts_with(shadow_root) || topic.ends_with('/')) return std::nullopt;
  topic.remove_prefix(shadow_root.size());
  ShadowTopic found;
  found.device = take_level(topic);
  std::string_view verb = take_level(topic);
  if (verb == "name") {
    found.feature = take_level(topic);
    if (found.feature.empty()) return std::nullopt;
    verb = take_level(topic);
  }
  if (found.device.empty() || !topic.empty()) return std::nullopt;
  if (verb == "get") found.verb = ShadowVerb::get;
  else if (verb == "update") found.verb = ShadowVerb::update;
  else if (verb == "delete") found.verb = ShadowVerb::remove;
  else return std::nullopt;
  return found;
}

std::string shadow_prefix(std::string_view device, std::string_view feature) {
  std::string topic(shadow_root);
  topic += device;
  if (!feature.empty()) (topic += "/name/") += feature;
  return topic;
}

std::string command_topic(std::string_view device, std::string_view feature,
                          std::string_view subject, std::string_view correlation) {
  std::string topic(command_root);
  topic += device;
  if (!feature.empty()) (topic += "/name/") += feature;
  ((topic += '/') += subject) += '/';
  topic += correlation;
  return topic;
}

std::optional<ReplyTopic> parse_reply_topic(std::string_view topic) {
  if (!topic.starts_with(command_root) || topic.ends_with('/')) return std::nullopt;
  topic.remove_prefix(command_root.size());
  ReplyTopic found;
  found.device = take_level(topic);
  if (topic.starts_with("name/")) {
    topic.remove_prefix(5);
    if (take_level(topic).empty()) return std::nullopt;
  }
  if (take_level(topic).empty()) return std::nullopt;   // the subject
  found.correlation = take_level(topic);
  if (found.device.empty() || found.correlation.empty()) return std::nullopt;
  if (take_level(topic) != "reply") return std::nullopt;
  if (topic.empty()) return found;
  const auto status = base::parse_int(topic);
  if (!status || *status < 200 || *status > 599) return std::nullopt;
  found.status = static_cast<std::uint16_t>(*status);
  return found;
}

base::Result<void> decode_update(base::BytesView payload, bool whole, ShadowRequest& into) {
  return with_object(payload, [&](const object& members) -> base::Result<void> {
    TRY(read_token(members, into));
    TRY(read_version(members, into));
    element state;
    if (members["state"].get(state)) return wrong("the payload has no state");
    object halves;
    if (state.get_object().get(halves)) return wrong("state must be an object");
    for (const auto& [key, value] : halves) {
      if (key == "reported") TRY(read_half(key, value, whole, into.reported));
      else if (key == "desired") TRY(read_half(key, value, whole, into.desired));
      else return wrong("state may have reported and desired, not " + base::printable(key));
    }
    using Says = ShadowHalf::Says;
    if (into.reported.says == Says::nothing && into.desired.says == Says::nothing)
      return wrong("state has neither reported nor desired");
    return {};
  });
}

base::Result<void> decode_request(base::BytesView payload, ShadowRequest& into) {
  if (payload.empty()) return {};
  return with_object(payload, [&](const object& members) -> base::Result<void> {
    TRY(read_token(members, into));
    return read_version(members, into);
  });
}

}  // namespace selvedge::codec::twin
