// RawFetch: asks a node for readings that stayed there, and answers a query with them. Nothing of it
// is stored in the cloud.
//
// The node answers page by page (docs/spec/uplink.md); the pages are collected up to max_bytes. A node that
// is not connected, or does not answer a page within `patience`, is Code::unavailable, and so is one whose
// connection is lost meanwhile. At most `most` questions are open, `most_per_node` to one node; more are
// Code::exhausted. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/metrics.h"
#include "engine/query/query.h"
#include "net/mqtt/server.h"
#include "os/world.h"

namespace selvedge::cloud {

class RawFetch {
 public:
  static constexpr std::size_t most = 64, most_per_node = 8;
  static constexpr std::uint64_t max_bytes = 32 << 20;
  static constexpr base::Duration patience = std::chrono::seconds(15);

  using Done = std::function<void(base::Result<engine::QueryResult>)>;

  RawFetch(os::World& world, base::Registry& metrics);
  ~RawFetch();
  RawFetch(const RawFetch&) = delete;
  RawFetch& operator=(const RawFetch&) = delete;

  // The server to speak through; before the first query.
  void attach(net::mqtt::Server& server) { server_ = &server; }
  // Calls back once, perhaps from within the call.
  void query(std::string_view node, std::string_view series, const engine::QueryRange& range, Done done);
  // True if the message was an answer.
  bool message(const engine::Arrived& message);
  void left(std::string_view node);

 private:
  struct Pending {
    std::string node, series;
    engine::QueryRange range;
    Done done;
    std::vector<base::Bytes> frames;
    std::uint64_t bytes = 0;
    os::TimerId timer{};
  };
  void ask(std::uint64_t request);
  void make_answer(std::uint64_t request);
  void end(std::uint64_t request, base::Result<engine::QueryResult> result);

  os::World& world_;
  net::mqtt::Server* server_ = nullptr;
  std::unordered_map<std::uint64_t, Pending> pending_;
  std::uint64_t last_request_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  base::Counter& asked_;
  base::Counter& failed_;
  base::Counter& bytes_;
};

}  // namespace selvedge::cloud
