// `selvedge model list`: the models of the cloud, and what each node serves.

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "cli/model_commands.h"
#include "cli/model_fleet.h"

namespace selvedge::cli {

using base::Result;

Result<int> list_models(const Arguments& arguments, Session& session) {
  const std::string only = arguments.positional.empty() ? "" : arguments.positional[0];
  auto api = TRY(ApiClient::cloud(arguments, session));
  const auto versions = TRY(model_versions(api, only));
  auto nodes = TRY(models_on_nodes(api));
  if (!only.empty()) std::erase_if(nodes, [&](const NodeModel& model) { return model.name != only; });
  if (session.out.json()) {
    base::JsonWriter json;
    json.begin_object().key("models").begin_array();
    for (const ModelVersion& v : versions)
      json.begin_object().field("name", v.name).field("version", v.version).field("called", v.called).field("size", v.size)
          .field("digest", v.digest).field("sealed", v.sealed).field("pushed", v.pushed).end_object();
    json.end_array().key("nodes").begin_array();
    for (const NodeModel& n : nodes)
      json.begin_object().field("node", n.node).field("name", n.name).field("wished", n.wished).field("version", n.version)
          .field("state", n.state).field("reason", n.reason).key("reported").raw(n.reported.empty() ? "null" : n.reported).end_object();
    json.end_array().end_object();
    session.out.document(json.take());
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const ModelVersion& v : versions) {
    std::string where;
    for (const NodeModel& n : nodes)
      if (n.name == v.name && n.version == v.version && n.state == "applied") where += (where.empty() ? "" : " ") + n.node;
    rows.push_back({v.name, std::to_string(v.version), v.called, base::size_text(v.size), v.sealed ? "sealed" : "", v.pushed, where});
  }
  session.out.table({"MODEL", "VERSION", "CALLED", "SIZE", "SEALED", "PUSHED", "SERVED BY"}, rows);
  if (nodes.empty()) return 0;
  session.out.line("");
  rows.clear();
  for (const NodeModel& n : nodes)
    rows.push_back({n.node, n.name, n.wished == 0 ? "-" : std::to_string(n.wished), n.version == 0 ? "-" : std::to_string(n.version), n.state, n.reason});
  session.out.table({"NODE", "MODEL", "WISHED", "SERVES", "STATE", "REASON"}, rows);
  return 0;
}

}  // namespace selvedge::cli
