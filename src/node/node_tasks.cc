// The tasks of a node: what they are connected to.

#include <unistd.h>

#include "base/json_pointer.h"
#include "base/log.h"
#include "model/twin.h"
#include "node/state.h"

namespace selvedge::node {

base::Result<void> Node::State::open_tasks() {
  TasksConfig to;
  to.enabled = config.tasks_enabled;
  to.state = config.state;
  to.memory = config.tasks_memory.bytes;
  to.folder = config.tasks_folder.bytes;
  to.user = geteuid() == 0 ? config.tasks_user : 0;
  to.secrets = config.tasks_secrets;
  if (config.tasks_sandbox == "needed") to.without_sandbox = os::ChildSandbox::Without::fail;
  to.stop_with_node = config.tasks_stop_with_node;
  TaskArtifactsHost trust;
  trust.check = [this](std::string_view envelope, const engine::ArtifactAsk& ask) { return artifacts->trust().check(envelope, ask); };
  trust.is_wished = [this](std::string_view artifact) {
    const engine::Twin* twin = twins->store().find(model::twin_id(name(), model::node_twin_name));
    if (twin == nullptr) return false;
    const std::string pointer = "/" + base::pointer_token(artifact) + "/version";
    return !twin->leaf(model::TwinPart::desired, "/artifacts" + pointer).empty() ||
           !twin->leaf(model::TwinPart::desired, "/models" + pointer).empty();
  };
  TasksHost host;
  host.node = [this] { return identity ? identity->name : name(); };
  host.plan_commit = [this] { plan_commit(); };
  task_models = std::make_unique<TaskModels>(world.loop(), *held_models, [this](const std::string& model) {
    const engine::Twin* twin = twins->store().find(model::twin_id(name(), model::node_twin_name));
    return twin != nullptr && !twin->leaf(model::TwinPart::desired, "/models/" + base::pointer_token(model) + "/version").empty();
  });
  host.serve = [this](const model::Task& task, os::ChildEvents& events) { return task_models->serve(task, events); };
  tasks = TRY(base::while_doing("tasks", Tasks::open(world, std::move(to), twins->store(), artifacts->fetcher(), artifacts->store(),
                                                     std::move(trust), *ingest, metrics, std::move(host))));
  task_logs = std::make_unique<TaskLogLink>(world, [this](const std::string& task) { return tasks->log(task); });
  return {};
}

SiteTrust Node::State::site_trust() const {
  SiteTrust trust;
  trust.tls.certificate = identity->certificate;
  trust.tls.key = identity->key;
  trust.tls.trusted = identity->authority;
  trust.tls.chacha20_only = config.chacha20_only;
  trust.is_revoked = [this](const std::string& serial) { return revoked.contains(serial); };
  return trust;
}

// A site that cannot be made is no reason not to run: its tasks stay where the cloud wishes them.
void Node::State::start_site() {
  if (config.site_name.empty() || !config.tasks_enabled) return;
  SiteConfig to;
  to.name = config.site_name;
  to.self = identity->name;
  to.state = config.state;
  to.listen = config.site_listen;
  for (const SiteMemberConfig& member : config.site_members) {
    const auto at = os::parse_endpoint(member.address);
    if (at) to.members.emplace(member.name, *at);
  }
  auto made = Site::create(world, std::move(to), site_trust(), tasks->site_tasks(), metrics);
  if (!made) {
    site_trouble = made.error().message;
    base::log::error("site", "takes no part in it", {{"why", made.error()}});
    return;
  }
  site = std::move(*made);
  tasks->join_site(*site);
}

void Node::State::add_site_routes() {
  http->route("GET", "/api/v1/site",
              net::api::require(api->identify, net::api::Right::view,
                                [this](const net::api::Caller&, const net::http::Request&, const net::http::Respond& respond) {
                                  if (site) return respond(net::http::Response::json(site->status_json()));
                                  const std::string why = !site_trouble.empty() ? site_trouble : "this node is in no site ([site] of its config)";
                                  respond(net::http::Response::problem({base::Code::not_found, why}));
                                }));
}

}  // namespace selvedge::node
