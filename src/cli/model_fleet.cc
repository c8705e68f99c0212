#include "cli/model_fleet.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "cli/json_text.h"
#include "net/api/query_request.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;
using codec::json::Value;

namespace {

constexpr std::string_view things = "/api/2/things/";
constexpr std::size_t page = 200, most_twins = 100'000;

std::string feature_of(const std::string& node) {
  return std::string(things) + encode_query(node + ":_node") + "/features/models";
}

std::uint64_t version_in(const Value& value) { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, value["version"].integer())); }

NodeModel read_model(const std::string& node, const std::string& name, const Value& wished, const Value& reported) {
  NodeModel model{.node = node, .name = name, .wished = version_in(wished), .reported = {}, .state = {}, .reason = {}};
  if (reported.is_null()) return model;
  model.reported = compact_json(reported);
  model.state = reported["state"].text();
  model.reason = reported["reason"].text();
  model.version = version_in(reported);
  return model;
}

// What the node says of this model now; a twin without the feature says nothing.
Result<NodeModel> ask(ApiClient& api, const std::string& node, const std::string& name) {
  const auto answer = TRY(api.exchange("GET", feature_of(node)));
  if (answer.status == 404) return read_model(node, name, {}, {});
  if (answer.status >= 400) return std::unexpected(problem_of(answer.status, answer.body));
  const Value feature = TRY(codec::json::parse(answer.body));
  return read_model(node, name, feature["desiredProperties"][name], feature["properties"][name]);
}

struct Waiting {
  std::string node, before;                        // what was reported before the wish
  WishOutcome outcome;
  bool done = false;
};

// Whether what the node says is about this wish, and final.
void look(ApiClient& api, const ModelWish& wish, Waiting& waiting) {
  const auto now = ask(api, waiting.node, wish.name);
  if (!now) {
    waiting.outcome.reason = now.error().message;    // a cloud that is away may come back
    return;
  }
  const bool serves = now->state == "applied" && now->version == wish.version;
  const bool refused = now->state == "failed" && now->reported != waiting.before;
  waiting.done = serves || refused;
  waiting.outcome.state = waiting.done ? now->state : "pending";
  waiting.outcome.reason = now->reported == waiting.before && !waiting.done ? "the node has not answered" : now->reason;
}

}  // namespace

Result<std::vector<ModelVersion>> model_versions(ApiClient& api, const std::string& name) {
  const auto answer = TRY(api.exchange("GET", "/api/v1/artifacts" + (name.empty() ? "" : "/" + encode_query(name))));
  if (answer.status == 404) return std::vector<ModelVersion>{};
  if (answer.status >= 400) return std::unexpected(problem_of(answer.status, answer.body));
  std::vector<ModelVersion> versions;
  const Value list = TRY(codec::json::parse(answer.body));
  for (const Value& item : list.array()) {
    if (item["kind"].text() != "model") continue;
    versions.push_back({.name = item["name"].text(), .version = version_in(item),
                        .size = static_cast<std::uint64_t>(item["size"].integer()), .called = item["version_text"].text(),
                        .digest = item["digest"].text(), .pushed = item["pushed"].print(), .sealed = item["sealed"].boolean()});
  }
  std::ranges::sort(versions, [](const ModelVersion& a, const ModelVersion& b) {
    return a.name != b.name ? a.name < b.name : a.version > b.version;
  });
  return versions;
}

Result<std::vector<NodeModel>> models_on_nodes(ApiClient& api) {
  static const Value nothing;
  std::vector<NodeModel> models;
  std::string more;
  for (std::size_t seen = 0; seen < most_twins; seen += page) {
    std::string target = "/api/2/search/things?option=size(" + std::to_string(page) + ")";
    if (!more.empty()) target += ",cursor(" + more + ")";
    target += "&filter=" + encode_query("exists(features/models)") + "&fields=" + encode_query("thingId,features/models");
    const Value answer = TRY(api.get(target));
    for (const Value& item : answer["items"].array()) {
      const std::string id = item["thingId"].text();
      if (!id.ends_with(":_node")) continue;
      const std::string node = id.substr(0, id.size() - 6);
      const Value& feature = item["features"]["models"];
      std::map<std::string, std::pair<const Value*, const Value*>> names;
      for (const auto& [name, wished] : feature["desiredProperties"].object()) names[name] = {&wished, &nothing};
      for (const auto& [name, reported] : feature["properties"].object()) {
        auto& both = names[name];
        if (both.first == nullptr) both.first = &nothing;
        both.second = &reported;
      }
      for (const auto& [name, both] : names) models.push_back(read_model(node, name, *both.first, *both.second));
    }
    more = answer["cursor"].text();
    if (more.empty()) break;
  }
  std::ranges::sort(models, [](const NodeModel& a, const NodeModel& b) { return std::tie(a.node, a.name) < std::tie(b.node, b.name); });
  return models;
}

Result<std::vector<std::string>> matching_nodes(ApiClient& api, const std::vector<std::string>& patterns) {
  const Value answer = TRY(api.get("/api/v1/nodes"));
  std::vector<std::string> nodes;
  for (const std::string& pattern : patterns) {
    bool found = false;
    for (const Value& item : answer.array()) {
      const std::string name = item["name"].text();
      if (!net::api::matches(pattern, name)) continue;
      found = true;
      if (std::ranges::find(nodes, name) == nodes.end()) nodes.push_back(name);
    }
    if (!found) return fail(Code::not_found, "--nodes: the fleet has no node '" + base::printable(pattern) + "'");
  }
  return nodes;
}

Result<std::vector<WishOutcome>> wish_model(ApiClient& api, Session& session, const std::vector<std::string>& nodes,
                                            const ModelWish& wish, std::optional<base::Duration> patience) {
  std::vector<Waiting> all;
  base::JsonWriter json;
  json.begin_object().field("version", wish.version).field("digest", wish.digest);
  if (wish.priority) json.field("priority", *wish.priority);
  json.end_object();
  for (const std::string& node : nodes) {
    const NodeModel before = TRY(base::while_doing("node " + node, ask(api, node, wish.name)));
    TRY(base::while_doing("node " + node, api.request("PUT", feature_of(node) + "/desiredProperties/" + encode_query(wish.name), json.text())));
    all.push_back({.node = node, .before = before.reported, .outcome = {node, "wished", {}}});
  }
  const auto began = session.world.loop().now();
  base::Duration pause = std::chrono::milliseconds(100);
  while (patience) {
    std::size_t left = 0;
    for (Waiting& waiting : all) {
      if (!waiting.done) look(api, wish, waiting);
      left += waiting.done ? 0 : 1;
    }
    if (left == 0 || session.world.loop().now() - began >= *patience) break;
    session.out.progress(wish.name + " " + std::to_string(wish.version) + ": " + std::to_string(all.size() - left) + " of " +
                         std::to_string(all.size()) + " nodes have answered");
    if (api.rest(pause) != ApiClient::Followed::ended) break;
    pause = std::min<base::Duration>(pause * 3 / 2, std::chrono::seconds(2));
  }
  session.out.progress_done();
  std::vector<WishOutcome> outcomes;
  for (Waiting& waiting : all) outcomes.push_back(std::move(waiting.outcome));
  return outcomes;
}

int print_outcomes(Session& session, const ModelWish& wish, const std::vector<WishOutcome>& outcomes, std::string_view headline,
                   const std::function<void(base::JsonWriter&)>& more) {
  base::JsonWriter json;
  json.begin_object().field("name", wish.name).field("version", wish.version).field("digest", wish.digest);
  std::vector<std::vector<std::string>> rows;
  bool failed = false, late = false;
  json.key("nodes").begin_array();
  for (const WishOutcome& outcome : outcomes) {
    json.begin_object().field("node", outcome.node).field("state", outcome.state).field("reason", outcome.reason).end_object();
    rows.push_back({outcome.node, outcome.state, outcome.reason});
    failed = failed || outcome.state == "failed";
    late = late || outcome.state == "pending";
  }
  json.end_array();
  more(json);
  json.end_object();
  if (session.out.json()) {
    session.out.document(json.text());
  } else {
    session.out.line(headline);
    if (!rows.empty()) session.out.table({"NODE", "STATE", "REASON"}, rows);
  }
  return failed ? base::exit_status(Code::conflict) : late ? base::exit_status(Code::unavailable) : 0;
}

Result<std::optional<base::Duration>> patience_of(const Arguments& arguments) {
  if (!arguments.has("wait") && !arguments.has("patience")) return std::nullopt;
  const auto patience = base::parse_duration(arguments.text("patience", "2m"));
  if (!patience) return std::unexpected(base::Error(patience.error()).while_doing("--patience"));
  return *patience;
}

}  // namespace selvedge::cli
