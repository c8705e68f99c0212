// Receiver: takes batches from nodes, commits them in groups, and acknowledges end to end.
//
// While one transaction runs the next batches collect, so under load a commit covers many. An
// acknowledgement is published only after the commit. Batches waiting are bounded in bytes: beyond
// the bound the listener stops reading and the nodes' own windows do the rest. A batch that cannot
// be read costs its node the connection; the node comes back and sends it anew.
// Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "cloud/block_store.h"
#include "net/mqtt/server.h"
#include "os/world.h"

namespace selvedge::cloud {

class Receiver {
 public:
  Receiver(os::World& world, BlockStore& store, base::Registry& metrics, std::uint64_t buffer_bytes,
           std::uint64_t commit_bytes);
  ~Receiver();

  // The server to acknowledge through; before the first take().
  void attach(net::mqtt::Server& server) { server_ = &server; }

  void take(std::string_view node, base::BytesView payload);
  // Commits what is waiting, then calls `done`.
  void drain(std::function<void()> done);

 private:
  void commit();
  void committed(std::vector<Incoming> batches, base::Result<std::vector<Committed>> outcome,
                 base::Instant began);

  os::World& world_;
  BlockStore& store_;
  net::mqtt::Server* server_ = nullptr;
  std::uint64_t buffer_bytes_, commit_bytes_;
  std::vector<Incoming> waiting_;
  std::uint64_t waiting_bytes_ = 0;
  bool committing_ = false;
  bool planned_ = false;
  os::TimerId retry_{};
  base::Duration retry_after_{};
  std::function<void()> drained_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  base::Counter& batches_;
  base::Counter& blocks_;
  base::Counter& readings_;
  base::Counter& duplicates_;
  base::Counter& refused_;
  base::Counter& frame_bytes_;
  base::Counter& failures_;
  base::Histogram& commit_seconds_;
  base::Histogram& store_seconds_;
};

}  // namespace selvedge::cloud
