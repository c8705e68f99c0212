#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>

#include "base/json.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/event_reader.h"
#include "cli/json_text.h"

namespace selvedge::cli {

using base::Code;
using base::Result;

namespace {

constexpr std::string_view things = "/api/2/things/";
constexpr std::size_t page = 200;

// "edge-1" is short for the twin of the node itself.
std::string full_id(std::string_view id) {
  return id.contains(':') ? std::string(id) : std::string(id) + ":_node";
}

// What a word on the command line means within a twin: "lamp/on" is a property of a feature, in the
// half that is asked for; "attributes/a", "features/..", "definition" are what they say.
std::string path_of(std::string_view word, std::string_view half) {
  while (word.starts_with('/')) word.remove_prefix(1);
  const std::string_view first = word.substr(0, word.find('/'));
  if (first == "attributes" || first == "features" || first == "definition") return std::string(word);
  const std::size_t slash = word.find('/');
  if (slash == std::string_view::npos) return "features/" + std::string(word);
  return "features/" + std::string(first) + "/" + std::string(half) + std::string(word.substr(slash));
}

std::string target_of(const Arguments& arguments, std::string_view half) {
  std::string target = std::string(things) + encode_query(full_id(arguments.positional[0]));
  if (arguments.positional.size() > 1 && !arguments.positional[1].empty())
    target += "/" + encode_query(path_of(arguments.positional[1], half));
  return target;
}

// JSON as it is, or a word that is none as a text.
std::string as_json(const std::string& word) {
  if (codec::json::parse(word)) return word;
  base::JsonWriter json;
  json.value(word);
  return json.take();
}

// "-" reads standard input, "@FILE" a file.
Result<std::string> text_of(const std::string& word) {
  if (word == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  if (!word.starts_with('@')) return word;
  std::ifstream in(word.substr(1), std::ios::binary);
  if (!in) return base::fail(Code::not_found, "read " + word.substr(1) + ": no such file");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<int> list(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  const auto limit = static_cast<std::size_t>(TRY(arguments.integer("limit", 1000, 1, 1'000'000)));
  std::string more, all = "[";
  std::vector<std::vector<std::string>> rows;
  for (std::size_t left = limit; left > 0;) {
    std::string target = "/api/2/search/things?option=size(" + std::to_string(std::min(left, page)) + ")";
    if (!more.empty()) target += ",cursor(" + more + ")";
    if (arguments.has("filter")) target += "&filter=" + encode_query(arguments.text("filter"));
    if (!arguments.positional.empty()) target += "&namespaces=" + encode_query(arguments.positional[0]);
    target += "&fields=" +
              encode_query(arguments.text("fields", "thingId,_revision,_modified,definition"));
    const auto answer = TRY(api.get(target));
    for (const auto& item : answer["items"].array()) {
      rows.push_back({item["thingId"].text(), item["_revision"].print(), item["_modified"].print(),
                      item["definition"].print()});
      if (all.size() > 1) all += ',';
      all += compact_json(item);
      --left;
    }
    more = answer["cursor"].text();
    if (more.empty()) break;
  }
  if (session.out.json()) session.out.document(all + "]");
  else session.out.table({"TWIN", "REVISION", "MODIFIED", "DEFINITION"}, rows);
  if (!more.empty() && !session.out.json()) session.out.line("(more; raise --limit)");
  return 0;
}

Result<int> get(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  std::string target = target_of(arguments, "properties");
  if (arguments.has("fields")) target += "?fields=" + encode_query(arguments.text("fields"));
  const std::string json = TRY(api.request("GET", target));
  session.out.document(session.out.json() ? json : indented_json(json));
  return 0;
}

Result<int> set(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  const std::string value = as_json(TRY(text_of(arguments.positional[2])));
  const std::string target = target_of(arguments, "desiredProperties");
  if (arguments.has("create")) {
    const std::string twin = std::string(things) + encode_query(full_id(arguments.positional[0]));
    const auto made = api.request("PUT", twin, "{}", {{"if-none-match", "*"}});
    if (!made && made.error().code != Code::conflict) return std::unexpected(made.error());
  }
  TRY(api.request("PUT", target, value));
  if (session.out.json()) session.out.document(value);
  return 0;
}

Result<int> patch(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  const std::string body = TRY(text_of(arguments.positional.back()));
  const bool json_patch = arguments.has("json-patch");
  std::string target = std::string(things) + encode_query(full_id(arguments.positional[0]));
  if (arguments.positional.size() == 3)
    target += "/" + encode_query(path_of(arguments.positional[1], "desiredProperties"));
  TRY(api.request("PATCH", target, body,
                  {{"content-type", json_patch ? "application/json-patch+json"
                                               : "application/merge-patch+json"}}));
  return 0;
}

Result<int> remove(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  TRY(api.request("DELETE", target_of(arguments, "desiredProperties")));
  return 0;
}

Result<int> history(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  std::string target = target_of(arguments, "properties") + "/history";
  char separator = '?';
  for (const char* name : {"from", "to", "step", "agg", "limit"}) {
    if (!arguments.has(name)) continue;
    target += separator + std::string(name) + "=" + encode_query(arguments.text(name));
    separator = '&';
  }
  return print_readings(session.out, TRY(api.request("GET", target)));
}

// One line for each leaf that changed.
void print_change(Out& out, const std::string& id, const std::string& path,
                  const codec::json::Value& value) {
  if (value.is_object() && !value.object().empty()) {
    for (const auto& [name, member] : value.object())
      if (!path.empty() || name != "thingId")
        print_change(out, id, path.empty() ? name : path + "/" + name, member);
    return;
  }
  out.line(id + "  " + path + "  " + (value.is_null() ? "(removed)" : compact_json(value)));
}

void print_event(Out& out, const ServerEvent& event) {
  if (out.json()) {
    if (event.name.empty() || event.name == "thing_deleted") out.line(event.data);
  } else if (event.name == "thing_deleted") {
    const auto parsed = codec::json::parse(event.data);
    out.line((parsed ? (*parsed)["thingId"].text() : event.data) + "  (deleted)");
  } else if (event.name.empty()) {
    const auto parsed = codec::json::parse(event.data);
    if (parsed) print_change(out, (*parsed)["thingId"].text(), "", *parsed);
  } else if (event.name == "reset") {
    out.line("(some changes were missed)");
  } else if (event.name == "end") {
    const auto parsed = codec::json::parse(event.data);
    out.line("(ended: " + (parsed ? (*parsed)["reason"].text() : event.data) + ")");
  }
  std::fflush(stdout);
}

Result<int> watch(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  auto left = TRY(arguments.integer("count", 0, 0, 1'000'000'000));
  const bool counts = left > 0;
  std::string target = "/api/2/things?";
  std::string ids;
  for (const std::string& id : arguments.positional) ids += (ids.empty() ? "" : ",") + full_id(id);
  if (!ids.empty()) target += "ids=" + encode_query(ids) + "&";
  for (const char* name : {"fields", "filter"})
    if (arguments.has(name)) target += std::string(name) + "=" + encode_query(arguments.text(name)) + "&";
  target.pop_back();

  EventReader reader;
  bool enough = false;
  const auto piece = [&](base::BytesView bytes) {
    return reader.read(bytes, [&](const ServerEvent& event) {
      if (enough) return;
      print_event(session.out, event);
      const bool change = event.name.empty() || event.name == "thing_deleted";
      if (counts && change && --left == 0) enough = true;
    });
  };
  // The first connection must come about; a later one is tried again until somebody stops us.
  for (bool first = true;; first = false) {
    std::vector<std::pair<std::string, std::string>> headers = {{"accept", "text/event-stream"}};
    if (!reader.last_id().empty()) headers.emplace_back("last-event-id", reader.last_id());
    reader.begin_again();
    const auto followed = api.follow(target, headers, piece, [&] { return enough; });
    if (followed && *followed != ApiClient::Followed::ended) return 0;
    if (!followed && first) return std::unexpected(followed.error());
    const bool hopeless = !followed && followed.error().code != Code::unavailable;
    if (hopeless) return std::unexpected(followed.error());
    if (api.rest(std::chrono::seconds(2)) != ApiClient::Followed::ended) return 0;
  }
}

}  // namespace

std::vector<Command> twin_commands() {
  const std::string ids =
      "TWIN is <node>:<device>, or <node> alone for the node itself. A PATH like lamp/on is the property "
      "'on' of the feature 'lamp'; attributes/.., features/.. and definition are what they say.";
  return {
      {"twin", "list", "[NODE]", 0, 1, "List twins, of one node or of all.",
       "A filter is RQL: eq, ne, gt, ge, lt, le, in, like, exists, and, or, not.",
       {"selvedge twin list", "selvedge twin list edge-1 --filter 'gt(features/boiler/properties/temp,80)'"},
       either_flags({{"filter", "RQL", "Only twins that match."},
                     {"fields", "LIST", "What to print of each, with --json."},
                     {"limit", "N", "Most twins.", "1000"}}),
       list},
      {"twin", "get", "TWIN [PATH]", 1, 2, "Show a twin or a part of it.", ids,
       {"selvedge twin get edge-1:pump", "selvedge twin get edge-1:pump lamp/on", "selvedge twin get edge-1"},
       either_flags({{"fields", "LIST", "Only these, as attributes/a,features/*/properties/p."}}), get},
      {"twin", "set", "TWIN PATH VALUE", 3, 3, "Wish for a value, or set an attribute.",
       ids + " A PATH like lamp/on is the desired value here. VALUE is JSON; what is none is a text; - is "
             "standard input, @FILE a file.",
       {"selvedge twin set edge-1:pump lamp/on true", "selvedge twin set edge-1:pump attributes/place hall-2"},
       either_flags({{"create", "", "Make the twin if there is none."}}), set},
      {"twin", "patch", "TWIN [PATH] PATCH", 2, 3, "Change several values at once.",
       ids + " PATCH is a JSON merge patch (RFC 7396), in which null removes; - is standard input, @FILE a "
             "file.",
       {"selvedge twin patch edge-1:pump '{\"attributes\":{\"place\":\"hall-2\"}}'",
        "selvedge twin patch edge-1 @settings.json"},
       either_flags({{"json-patch", "", "PATCH is a JSON Patch (RFC 6902)."}}), patch},
      {"twin", "watch", "[TWIN...]", 0, 1000, "Print changes as they happen, until Ctrl-C.",
       "One line a value: twin, path, value; with --json one JSON document a change. A connection that is "
       "lost is made again, and what was missed meanwhile is printed as far as it is kept.",
       {"selvedge twin watch", "selvedge twin watch edge-1:pump --fields features/boiler"},
       either_flags({{"filter", "RQL", "Only changes of twins that match."},
                     {"fields", "LIST", "Only changes of these."},
                     {"count", "N", "Stop after so many changes.", "no end"}}),
       watch},
      {"twin", "history", "TWIN PATH", 2, 2, "Show what a reported property was, from the readings.", ids,
       {"selvedge twin history edge-1:pump boiler/temp --from -1h",
        "selvedge twin history edge-1:pump boiler/temp --step 5m --agg mean,max"},
       either_flags({{"from", "TIME", "ISO 8601, a count since 1970, or -1h.", "the beginning"},
                     {"to", "TIME", "Up to, without it.", "now"},
                     {"step", "DURATION", "One row for each window of this length."},
                     {"agg", "LIST", "mean, min, max, sum, count, first, last.", "mean"},
                     {"limit", "N", "Most rows.", "100000"}}),
       history},
      {"twin", "delete", "TWIN [PATH]", 1, 2, "Remove a twin, or a part of it.",
       ids + " A PATH like lamp/on is the wish here: removing it leaves what the device reports.",
       {"selvedge twin delete edge-1:pump lamp/on", "selvedge twin delete edge-1:pump"}, either_flags(),
       remove},
  };
}

}  // namespace selvedge::cli
