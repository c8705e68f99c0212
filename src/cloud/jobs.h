// Jobs: what the fleet should run, kept so: hosts engine::JobBook and the placement fleet, writes wishes into nodes'
// twins and reads what nodes say of them there, and is spoken to by HTTP.
//
// Once a turn of the loop it takes what changed, lets the book decide, answers its asks, makes records durable, and
// then edits the twins. A wish is withdrawn for good when its node reports `_heard` at or beyond the revision of the
// withdrawal and says nothing of the task; until then its room is kept. A node counts as silent from the loss of its
// connection, and after a start until it speaks.
//
// When the disk is full, changes wait and are tried again each second; nothing is wished that is not saved. When a
// twin has no room for a wish, the member goes elsewhere and the node gets no new tasks until one leaves it. After a
// crash the records, the wishes that stand and the tasks that were leaving tell it where it was.
// Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "cloud/jobs_nodes.h"
#include "cloud/jobs_places.h"
#include "net/api/access.h"
#include "net/http/http.h"
#include "os/world.h"
#include "store/twin_store.h"
#include "things/command.h"

namespace selvedge::cloud {

struct JobsSettings {
  PlaceSettings places;
  NodeDefaults nodes;
  engine::JobLimits limits;
  // Of a node's twin, wishes, reports and all: a good part of TwinLimits::document_bytes.
  std::size_t twin_bytes = 56 << 10;
};

struct JobsAccess {
  net::api::Identify identify;
  net::api::AuditFirst audit_first;
  things::SendCommand send = {};           // to nodes, for what tasks wrote; without it nobody can be asked
};

class Jobs {
 public:
  // In <path>; `twins` must outlive it.
  static base::Result<std::unique_ptr<Jobs>> open(os::World& world, const std::string& path, store::TwinStore& twins,
                                                  JobsSettings settings, base::Registry& metrics);
  ~Jobs();

  // A node speaks of its twin on a connection; that connection is lost.
  void node_connected(std::string_view node);
  void node_left(std::string_view node);

  // `done` once what was saved is on disk.
  void close(std::function<void()> done);

  // Jobs, tasks, and what nodes are to take. docs/reference/http.md.
  void add_routes(net::http::Server& server, JobsAccess access);
  // POST /api/v1/nodes/NAME/WORD; true if WORD is one of drain, cordon, ready, gone.
  bool schedule(const net::api::Caller& who, std::string_view node, std::string_view word, const net::http::Respond& respond);

 private:
  struct State;
  explicit Jobs(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace selvedge::cloud
