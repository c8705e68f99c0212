// The tasks of a node: what they are connected to.

#include <unistd.h>

#include "base/json_pointer.h"
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
  tasks = TRY(base::while_doing("tasks", Tasks::open(world, std::move(to), twins->store(), artifacts->fetcher(), artifacts->store(),
                                                     std::move(trust), *ingest, metrics, std::move(host))));
  return {};
}

}  // namespace selvedge::node
