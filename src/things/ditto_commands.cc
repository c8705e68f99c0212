#include "things/ditto_commands.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "things/event_stream.h"
#include "things/http_message.h"
#include "things/http_path.h"
#include "things/http_search.h"

namespace selvedge::things {

namespace {

using base::Code;
using base::Result;
using net::api::Caller;
using Done = std::function<void(std::optional<DittoMessage>)>;
using Kind = TwinChangeRequest::Kind;

constexpr std::size_t most_ids = 1000;

// Topic and correlation of an answer to `command`.
DittoMessage answer_to(const DittoMessage& command) {
  DittoMessage answer;
  answer.node = command.node.empty() ? "_" : command.node;
  answer.device = command.device.empty() ? "_" : command.device;
  answer.channel = command.channel.empty() ? "twin" : command.channel;
  answer.criterion = command.criterion.empty() ? "errors" : command.criterion;
  answer.action = command.action;
  answer.path = command.path;
  for (const std::string_view name : {"correlation-id", "version"})
    if (const std::string_view value = command.header(name); !value.empty())
      answer.headers.emplace(name, value);
  return answer;
}

DittoMessage answer_of(const DittoMessage& command, Reply reply) {
  if (reply.failed()) return error_message(command, reply);
  DittoMessage answer = answer_to(command);
  answer.status = reply.status;
  answer.value = std::move(reply.body);
  if (!reply.etag.empty()) answer.headers.emplace("etag", reply.etag);
  return answer;
}

bool is_json_type(std::string_view type) {
  return type.starts_with("application/json") || type.contains("+json");
}

std::optional<Kind> kind_of(std::string_view action) {
  if (action == "create") return Kind::create;
  if (action == "modify") return Kind::put;
  if (action == "merge") return Kind::merge;
  if (action == "delete") return Kind::remove;
  return std::nullopt;
}

// The twins of {"thingIds":[..]}.
Reply retrieve_many(const Twins& twins, const Caller& caller, const DittoMessage& command) {
  const auto value = codec::json::parse(command.value);
  if (!value || !(*value)["thingIds"].array().size())
    return refused(400, "things:request.invalid", "value: expected {\"thingIds\":[..]}");
  const auto& ids = (*value)["thingIds"].array();
  if (ids.size() > most_ids) return refused(400, "things:request.invalid", "more than 1000 thingIds");
  base::JsonWriter json;
  json.begin_array();
  for (const auto& id : ids) {
    const Reply one = twins.read(caller, id.text(), "", command.fields, {});
    if (one.status == 200) json.raw(one.body);
  }
  Reply reply;
  reply.body = json.end_array().take();
  return reply;
}

void run_twin_command(Twins& twins, const Caller& caller, const DittoMessage& command,
                      std::function<void(Reply)> done) {
  if (command.criterion != "commands")
    return done(refused(400, "things:topic.unknown", "the criterion '" +
                                                         base::printable(command.criterion) +
                                                         "' is not known here: expected commands"));
  if (command.node == "_") {
    if (command.action == "retrieve") return done(retrieve_many(twins, caller, command));
    return done(refused(400, "things:id.invalid", "which twin?"));
  }
  const std::string pointer = command.path == "/" ? std::string() : command.path;
  if (const auto fits = check_pointer(pointer); !fits) return done(refused(fits.error()));
  auto conditions =
      Conditions::parse([&](std::string_view name) { return command.header(name); });
  if (!conditions) return done(refused(conditions.error()));
  if (command.action == "retrieve")
    return done(twins.read(caller, command.id(), pointer, command.fields, *conditions));
  const auto kind = kind_of(command.action);
  if (!kind)
    return done(refused(400, "things:topic.unknown",
                        "the action '" + base::printable(command.action) +
                            "' is not known: expected create, retrieve, modify, merge or delete"));
  if (*kind == Kind::create && !pointer.empty())
    return done(refused(400, "things:path.unknown", "create is for whole twins"));
  if (*kind != Kind::remove && command.value.empty())
    return done(refused(400, "json.invalid", "value is missing"));
  twins.change(caller, {*kind, command.id(), pointer, command.value, std::move(*conditions)},
               std::move(done));
}

// "/inbox/messages/reset" or "/features/lamp/inbox/messages/blink"
void run_message(Twins& twins, const SendCommand& send, const Caller& caller,
                 const DittoMessage& command, std::function<void(Reply)> done) {
  auto path = parse_twin_path(command.id() + command.path);
  if (!path) return done(refused(path.error()));
  if (command.criterion != "messages" || path->kind != TwinPath::Kind::message)
    return done(refused(400, "things:topic.unknown",
                        "expected live/messages/<subject> with the path /inbox/messages/<subject>"));
  const auto timeout = message_timeout(command.header("timeout"));
  if (!timeout) return done(refused(timeout.error()));
  MessageRequest request{std::move(*path), std::string(command.header("content-type")), {}, *timeout};
  if (request.content_type.empty()) request.content_type = "application/json";
  // What is not JSON travels as a text in it, both ways.
  const auto text = is_json_type(request.content_type) ? std::nullopt : json_string(command.value);
  request.payload = base::to_bytes(text ? *text : command.value);
  send_message(twins, send, caller, std::move(request), [done = std::move(done)](Reply reply) {
    if (!reply.failed() && !reply.body.empty() && !codec::json::parse(reply.body))
      reply.body = json_quoted(base::is_utf8(reply.body) ? reply.body : base::printable(reply.body, 65536));
    done(std::move(reply));
  });
}

}  // namespace

DittoMessage error_message(const DittoMessage& command, const Reply& reply) {
  DittoMessage answer = answer_to(command);
  answer.channel = "twin";             // also of live messages
  answer.criterion = "errors";
  answer.action.clear();
  answer.path = "/";
  answer.status = reply.status;
  answer.value = problem_json(reply);
  return answer;
}

void run_ditto_command(Twins& twins, const SendCommand& send, const Caller& caller,
                       std::string_view text, Done done) {
  std::string correlation;
  auto parsed = parse_ditto(text, correlation);
  if (!parsed) {
    DittoMessage unknown;
    if (!correlation.empty()) unknown.headers.emplace("correlation-id", correlation);
    return done(error_message(unknown, refused(parsed.error())));
  }
  const DittoMessage& command = *parsed;
  const auto answer = [command, done = std::move(done)](Reply reply) {
    // Errors are told even to who wants no answer.
    if (!command.wants_response() && !reply.failed()) return done(std::nullopt);
    done(answer_of(command, std::move(reply)));
  };
  if (command.channel == "live") run_message(twins, send, caller, command, answer);
  else run_twin_command(twins, caller, command, answer);
}

DittoMessage event_of(const TwinNews& news) {
  DittoMessage event;
  event.node = model::twin_node(news.id);
  event.device = model::twin_device(news.id);
  event.channel = "twin";
  event.criterion = "events";
  event.revision = news.revision;
  if (news.modified_ms > 0)
    event.timestamp = base::to_iso8601({static_cast<std::int64_t>(news.modified_ms) * 1'000'000});
  switch (news.kind) {
    case store::TwinEvent::Kind::removed: event.action = "deleted"; return event;
    case store::TwinEvent::Kind::created:
      event.action = "created";
      event.value = event_json(news, FieldSelector());
      return event;
    case store::TwinEvent::Kind::changed: break;
  }
  PatchPlace place = place_of(news.difference);
  if (!place.pointer.empty()) event.path = std::move(place.pointer);
  if (place.value == "null") {
    event.action = "deleted";
  } else {
    event.action = place.whole ? "modified" : "merged";
    event.value = place.value;
    if (!place.whole) event.headers.emplace("content-type", "application/merge-patch+json");
  }
  return event;
}

Result<Interest> interest_of(const net::http::Request& request, const Sight& sight) {
  Interest interest;
  interest.sight = sight;
  SearchRequest search;
  TRY(search.take_namespaces(request.parameter("namespaces").value_or("")));
  interest.namespaces = std::move(search.namespaces);
  for (std::string_view rest = request.parameter("ids").value_or(""); !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    interest.ids.push_back(TRY(parse_twin_id(rest.substr(0, comma))));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (interest.ids.size() > most_ids) return base::fail(Code::invalid_input, "ids: more than 1000");
  }
  std::ranges::sort(interest.ids);
  if (const auto filter = request.parameter("filter"); filter && !filter->empty()) {
    auto parsed = engine::TwinFilter::parse(*filter);
    if (!parsed) return std::unexpected(std::move(parsed).error().while_doing("filter"));
    interest.filter = std::make_shared<const engine::TwinFilter>(std::move(*parsed));
  }
  return interest;
}

}  // namespace selvedge::things
