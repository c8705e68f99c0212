#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/join.h"

namespace selvedge::cli {

using base::Result;

namespace {

Result<int> list(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  print_rows(session.out, TRY(api.request("GET", "/api/v1/nodes")),
             {{"name", "NAME"},
              {"status", "STATUS"},
              {"connected", "CONNECTED"},
              {"last_seen", "LAST SEEN"},
              {"series", "SERIES"},
              {"readings", "READINGS"},
              {"blocks", "BLOCKS"},
              {"bytes", "BYTES"}});
  return 0;
}

Result<int> status(const Arguments& arguments, Session& session) {
  if (!arguments.positional.empty()) {
    auto api = TRY(ApiClient::cloud(arguments, session));
    print_rows(session.out,
               TRY(api.request("GET", "/api/v1/nodes/" + encode_query(arguments.positional[0]))),
               {{"name", "NAME"},
                {"status", "STATUS"},
                {"connected", "CONNECTED"},
                {"last_seen", "LAST SEEN"},
                {"readings", "READINGS"}});
    return 0;
  }
  auto api = TRY(ApiClient::node(arguments, session));
  const std::string answer = TRY(api.request("GET", "/api/v1/status"));
  if (session.out.json()) {
    session.out.document(answer);
    return 0;
  }
  const auto parsed = TRY(codec::json::parse(answer));
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : parsed.object()) rows.push_back({key, value.print()});
  session.out.table({"WHAT", "VALUE"}, rows);
  return 0;
}

Result<int> fleet_status(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  print_rows(session.out, TRY(api.request("GET", "/api/v1/status")),
             {{"nodes", "NODES"},
              {"series", "SERIES"},
              {"readings", "READINGS"},
              {"blocks", "BLOCKS"},
              {"frame_bytes", "FRAME BYTES"},
              {"file_bytes", "FILE BYTES"}});
  return 0;
}

Result<int> revoke(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string answer = TRY(api.request(
      "POST", "/api/v1/nodes/" + encode_query(arguments.positional[0]) + "/revoke", "{}"));
  if (session.out.json()) session.out.document(answer);
  else session.out.line("node " + arguments.positional[0] + " is revoked");
  return 0;
}

// What the fleet's tasks are to do with a node.
auto schedule(std::string_view word, std::string_view now) {
  return [word, now](const Arguments& arguments, Session& session) -> Result<int> {
    auto api = TRY(ApiClient::cloud(arguments, session));
    const std::string& node = arguments.positional[0];
    const std::string answer =
        TRY(api.request("POST", "/api/v1/nodes/" + encode_query(node) + "/" + std::string(word), "{}"));
    if (session.out.json()) session.out.document(answer);
    else session.out.line("node " + node + " " + std::string(now));
    return 0;
  };
}

Result<int> dead_letters(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::node(arguments, session));
  const auto limit = TRY(arguments.integer("limit", 50, 1, 10'000));
  print_rows(session.out,
             TRY(api.request("GET", "/api/v1/deadletters?limit=" + std::to_string(limit))),
             {{"at", "AT"},
              {"source", "SOURCE"},
              {"device", "DEVICE"},
              {"reason", "REASON"},
              {"payload_bytes", "BYTES"},
              {"payload", "PAYLOAD"}});
  return 0;
}

Result<int> settings(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::node(arguments, session));
  const std::string answer = TRY(api.request("GET", "/api/v1/settings"));
  if (session.out.json()) {
    session.out.document(answer);
    return 0;
  }
  const auto parsed = TRY(codec::json::parse(answer));
  const bool wished_only = arguments.has("wished");
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : parsed.array()) {
    if (wished_only && row["from"].text() != "twin") continue;
    rows.push_back({row["key"].text(), row["value"].print(), row["from"].text(),
                    row["live"].boolean() ? "live" : "needs restart"});
  }
  session.out.table({"SETTING", "VALUE", "FROM", "CHANGE"}, rows);
  return 0;
}

Result<int> wishes(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::node(arguments, session));
  if (arguments.has("retry")) TRY(api.request("POST", "/api/v1/wishes/retry", "{}"));
  print_rows(session.out, TRY(api.request("GET", "/api/v1/wishes")),
             {{"kind", "KIND"},
              {"name", "NAME"},
              {"state", "STATE"},
              {"attempts", "ATTEMPTS"},
              {"reason", "REASON"}});
  return 0;
}

Result<int> site(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::node(arguments, session));
  const std::string answer = TRY(api.request("GET", "/api/v1/site"));
  if (session.out.json()) {
    session.out.document(answer);
    return 0;
  }
  const auto parsed = TRY(codec::json::parse(answer));
  session.out.line("site " + parsed["name"].text() + (parsed["fenced"].boolean() ? ": too few members hear this node, so it runs nothing of the site" : ""));
  std::vector<std::vector<std::string>> rows;
  for (const auto& member : parsed["members"].array()) {
    std::string tasks;
    for (const auto& task : parsed["tasks"].array())
      if (task["node"].text() == member["name"].text()) tasks += (tasks.empty() ? "" : ", ") + task["name"].text();
    const std::string heard = member["self"].boolean()                    ? "this node"
                              : member["heard_seconds_ago"].is_number() ? base::to_text(std::round(member["heard_seconds_ago"].number() * 10) / 10) + " s ago"
                                                                          : "never";
    rows.push_back({member["name"].text(), heard, tasks});
  }
  session.out.table({"MEMBER", "HEARD", "TASKS"}, rows);
  return 0;
}

}  // namespace

std::vector<Command> node_commands() {
  return {
      {"node", "list", "", 0, 0, "List the nodes of the fleet.", {}, {"selvedge node list"},
       cloud_flags(), list},
      {"node", "status", "[NAME]", 0, 1,
       "Show a node: the one at --node, or NAME as the cloud sees it.",
       {},
       {"selvedge node status", "selvedge node status gateway-7 --cloud https://cloud:8443"},
       either_flags(), status},
      {"fleet", "status", "", 0, 0, "Show what the cloud holds in all.", {}, {"selvedge fleet status"},
       cloud_flags(), fleet_status},
      {"node", "revoke", "NAME", 1, 1, "Refuse a node's certificate from now on.", {},
       {"selvedge node revoke gateway-7"}, cloud_flags(), revoke},
      {"node", "drain", "NAME", 1, 1, "Move the tasks of a node elsewhere, and give it no new ones.",
       "Each stays until there is a place for it elsewhere; selvedge task list --on-node NAME shows what is left.",
       {"selvedge node drain gateway-7"}, cloud_flags(), schedule("drain", "is being emptied")},
      {"node", "cordon", "NAME", 1, 1, "Leave a node the tasks that it has, and give it no new ones.", {},
       {"selvedge node cordon gateway-7"}, cloud_flags(), schedule("cordon", "gets no new tasks")},
      {"node", "ready", "NAME", 1, 1, "Let a node have tasks again.", {}, {"selvedge node ready gateway-7"}, cloud_flags(),
       schedule("ready", "takes tasks")},
      {"node", "gone", "NAME", 1, 1, "Say that a node will never run anything again: its tasks are placed elsewhere at once.",
       "Only for a node that is off or destroyed: one that still runs would run its tasks beside the new ones until it hears.",
       {"selvedge node gone gateway-7"}, cloud_flags(), schedule("gone", "counts as gone")},
      {"node", "settings", "", 0, 0, "Show every setting of a node, where it came from, and whether it may change live.",
       "A setting that may change live is wished in the node's twin, for example: selvedge twin set "
       "gateway-7:_node features/settings/desiredProperties/log/level debug",
       {"selvedge node settings", "selvedge node settings --wished"},
       node_flags({{"wished", "", "Only those that the node's twin wishes."}}), settings},
      {"node", "wishes", "", 0, 0, "Show what the node's twin wishes of it, and what came of it.", {},
       {"selvedge node wishes", "selvedge node wishes --retry"},
       node_flags({{"retry", "", "Try again what failed for good."}}), wishes},
      {"node", "site", "", 0, 0, "Show the site of a node: which members it hears, and who has which of the site's tasks.", {},
       {"selvedge node site"}, node_flags({}), site},
      {"node", "deadletters", "", 0, 0,
       "Show messages that could not be taken as readings, the newest first.", {},
       {"selvedge node deadletters --limit 5"},
       node_flags({{"limit", "N", "How many.", "50"}}), dead_letters},
      {"node", "join", "", 0, 0, "Make this machine a node of a fleet, with a one-time token.",
       "Makes a key here, has it certified by the cloud, and writes both into the node's state. The "
       "token carries the fingerprint of the fleet's CA, so the cloud is verified before anything is "
       "sent. Restart selvedge-node, or let it notice within a few seconds.",
       {"selvedge node join --cloud https://cloud:8443 --token 1f..c0 --name gateway-7"},
       {{"cloud", "URL", "The cloud, as https://host:8443.", {}, "SELVEDGE_CLOUD"},
        {"token", "TOKEN", "From `selvedge token create`.", {}, "SELVEDGE_TOKEN"},
        {"name", "NAME", "The node's name.", "this machine's name"},
        {"state", "DIR", "The node's state directory.", "/var/lib/selvedge/node", "SELVEDGE_STATE"},
        {"hosts", "LIST", "Names and addresses by which devices reach it, apart by commas.", "its name"},
        {"key", "URI", "A key that a provider holds (pkcs11:...).", "a new one in a file"},
        {"replace", "", "Join again though this machine has joined already."}},
       join_fleet},
  };
}

}  // namespace selvedge::cli
