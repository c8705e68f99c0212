#include "things/ditto_message.h"

#include <array>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "things/http_json.h"
#include "things/http_path.h"
#include "base/json_pointer.h"

namespace selvedge::things {

namespace {

using base::Code;
using base::Result;

constexpr std::size_t most_headers = 64, most_header_bytes = 1024, most_topic_bytes = 512;

std::unexpected<base::Error> malformed(std::string what) {
  return base::fail(Code::invalid_input, "read Ditto message: " + std::move(what));
}

Result<void> parse_topic(std::string_view topic, DittoMessage& into) {
  const auto wrong = [&] {
    return malformed("topic '" + base::printable(topic) +
                     "' is not <node>/<device>/things/<channel>/<criterion>[/<action>]");
  };
  if (topic.size() > most_topic_bytes) return malformed("the topic is too long");
  std::array<std::string_view, 6> parts;
  std::size_t count = 0;
  for (std::string_view rest = topic;;) {
    if (count == parts.size()) return wrong();
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    parts[count++] = rest.substr(0, slash);
    if (slash == rest.size()) break;
    rest.remove_prefix(slash + 1);
  }
  if (count < 5 || parts[2] != "things" || (parts[3] != "twin" && parts[3] != "live")) return wrong();
  into.node = parts[0];
  into.device = parts[1];
  into.channel = parts[3];
  into.criterion = parts[4];
  into.action = count == 6 ? parts[5] : std::string_view{};
  if (into.node == "_" && into.device == "_") return {};
  if (!model::is_twin_id(into.id())) return wrong();
  return {};
}

Result<void> parse_headers(std::string_view object, DittoMessage& into, std::string& correlation) {
  auto members = json_members(object, most_headers);
  if (!members) return std::unexpected(std::move(members).error().while_doing("headers"));
  for (JsonMember& member : *members) {
    const auto said = json_string(member.value);
    if (!said && (member.value.starts_with('"') || !codec::json::parse(member.value)))
      return malformed("a header has no value");
    std::string text = said ? *said : std::string(member.value);
    if (text.size() > most_header_bytes) return malformed("a header is too long");
    if (member.name == "correlation-id") correlation = text;
    into.headers.insert_or_assign(std::move(member.name), std::move(text));
  }
  return {};
}

}  // namespace

std::string_view DittoMessage::header(std::string_view name) const {
  const auto at = headers.find(name);
  return at == headers.end() ? std::string_view{} : std::string_view(at->second);
}

Result<DittoMessage> parse_ditto(std::string_view text, std::string& correlation_id) {
  if (!base::is_utf8(text)) return malformed("it is not UTF-8");
  auto members = json_members(text, 16);
  if (!members) return std::unexpected(std::move(members).error().while_doing("read Ditto message"));
  DittoMessage message;
  const auto text_of = [](const JsonMember& member) { return json_string(member.value); };
  const JsonMember* topic = nullptr;
  const JsonMember* path = nullptr;
  for (const JsonMember& member : *members) {
    if (member.name == "topic") topic = &member;
    if (member.name == "path") path = &member;
    if (member.name == "value") message.value = member.value;
    if (member.name == "headers") TRY(parse_headers(member.value, message, correlation_id));
    if (member.name == "fields") {
      const auto fields = text_of(member);
      if (!fields) return malformed("fields is not a text");
      message.fields = *fields;
    }
    if (member.name == "timestamp") message.timestamp = text_of(member).value_or("");
    if (member.name == "status" || member.name == "revision") {
      const auto number = base::parse_int(member.value);
      if (!number || *number < 0) return malformed(member.name + " is not a number");
      if (member.name == "status") message.status = static_cast<int>(std::min<std::int64_t>(*number, 999));
      else message.revision = static_cast<std::uint64_t>(*number);
    }
  }
  const auto topic_text = topic != nullptr ? text_of(*topic) : std::nullopt;
  if (!topic_text) return malformed("it has no topic");
  TRY(parse_topic(*topic_text, message));
  if (path != nullptr) {
    const auto path_text = text_of(*path);
    if (!path_text) return malformed("path is not a text");
    message.path = path_text->empty() ? "/" : *path_text;
  }
  return message;
}

std::string to_json(const DittoMessage& message) {
  base::JsonWriter json;
  std::string topic = message.node + "/" + message.device + "/things/" + message.channel + "/" +
                      message.criterion;
  if (!message.action.empty()) topic += "/" + message.action;
  json.begin_object().field("topic", topic).key("headers").begin_object();
  for (const auto& [name, value] : message.headers) {
    json.key(name);
    if (value == "true" || value == "false") json.raw(value);
    else json.value(value);
  }
  json.end_object().field("path", message.path);
  if (!message.value.empty()) json.key("value").raw(message.value);
  if (message.status) json.field("status", *message.status);
  if (message.revision) json.field("revision", *message.revision);
  if (!message.timestamp.empty()) json.field("timestamp", message.timestamp);
  return json.end_object().take();
}

PatchPlace place_of(std::string_view patch) {
  PatchPlace place{"", patch, false};
  // Deeper than any twin; a patch that goes on is told where the descent ends.
  for (int depth = 0; depth < 32 && place.value.starts_with('{'); ++depth) {
    const auto members = json_members(place.value, 2);
    if (!members || members->size() != 1) break;
    place.pointer += "/" + base::pointer_token(members->front().name);
    place.value = members->front().value;
  }
  place.whole = !place.value.starts_with('{') || place.value == "{}";
  return place;
}

}  // namespace selvedge::things
