// BlockStore: the cloud's blocks, series, nodes and tokens; SQLite by default, PostgreSQL later
// behind the same interface.
//
// Calls run in the loop's pool and call back on the loop, never from within the call. commit() is
// atomic and durable when it calls back: a batch is there whole or not at all, and a block that is
// there already (node, epoch, sequence) is recognised and left alone, for ever. Questions see whole
// commits only and do not wait for them.
//
// Code::exhausted when the disk is full or too many calls wait, unavailable when the database stays
// locked or the store is closed, corrupt when it is damaged. After any of them the store can be
// asked again. Belongs to the loop thread.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/uplink/uplink.h"
#include "engine/query/query.h"
#include "model/block.h"
#include "os/world.h"

namespace selvedge::cloud {

// One node's batch, with its own copy of the payload.
struct Incoming {
  std::string node;
  base::Bytes payload;                   // a codec::uplink::Batch
  base::Time arrived{};
};

struct Committed {
  std::string node;
  codec::uplink::Ack ack;                // everything of the batch, new or known
  std::uint64_t blocks = 0, readings = 0, duplicates = 0, frame_bytes = 0;
  // The batch could not be read, or its blocks are of series never told: nothing of it is stored.
  std::optional<base::Error> refused;
};

// One kind of one series. A name that has held several kinds is there once for each; a query
// answers with the one written last.
struct SeriesInfo {
  std::string node, name, device;
  model::Kind kind = model::Kind::float64;
  std::uint64_t readings = 0, blocks = 0, bytes = 0;
  base::Time first_time{}, last_time{};
  double last = 0;
};

struct BlockInfo {
  model::Epoch epoch{};
  model::BlockSeq seq{};
  model::BlockSummary summary;
  std::uint64_t bytes = 0;               // of the frame
  base::Time sealed_at{}, arrived_at{};  // on the node; here, before its commit
};

// A node that sends without ever having been added is added as joined.
struct NodeInfo {
  std::string name, serial, status;      // status: joined, revoked
  base::Time joined_at{}, last_seen{};
  std::uint64_t readings = 0, blocks = 0, bytes = 0, series = 0;
};

struct TokenInfo {
  std::string id, digest, node;          // digest: SHA-256 of the secret; node: "" for any name
  base::Time expires{};
};

struct StoreTotals {
  std::uint64_t nodes = 0, series = 0, blocks = 0, readings = 0, frame_bytes = 0, file_bytes = 0;
};

class BlockStore {
 public:
  // Opens or makes the database "cloud.db" in the folder `path`, which is made if it is not there.
  // Blocks while it does. Code::invalid_input for a database of a newer version.
  static base::Result<std::unique_ptr<BlockStore>> open_sqlite(os::World& world,
                                                               std::string_view path);
  virtual ~BlockStore() = default;

  template <typename T>
  using Done = std::function<void(base::Result<T>)>;

  // Commits several batches in one transaction. Error: nothing was committed, ask again.
  virtual void commit(std::vector<Incoming> batches, Done<std::vector<Committed>> done) = 0;

  // By node and name; node "": of all nodes. '*' in `pattern` stands for any text; "" is "*".
  // At most `limit` and never more than 100,000.
  virtual void series(std::string node, std::string pattern, std::uint64_t limit,
                      Done<std::vector<SeriesInfo>> done) = 0;
  // Code::not_found if the node has no such series.
  virtual void query(std::string node, std::string series, engine::QueryRange range,
                     Done<engine::QueryResult> done) = 0;
  // The blocks of one series that overlap [from, to), by time; at most `limit` and never more than
  // 100,000. Code::not_found as above.
  virtual void blocks(std::string node, std::string series, base::Time from, base::Time to,
                      std::uint64_t limit, Done<std::vector<BlockInfo>> done) = 0;
  virtual void nodes(Done<std::vector<NodeInfo>> done) = 0;
  virtual void totals(Done<StoreTotals> done) = 0;

  // Forgets expired tokens. Code::conflict if the id is taken, exhausted at 10,000 unused ones.
  virtual void add_token(TokenInfo token, Done<bool> done) = 0;
  // Uses a token up, once: Code::denied if unknown, used or expired, or made for another name.
  virtual void use_token(std::string id, std::string digest, std::string node, base::Time now,
                         Done<bool> done) = 0;
  // Code::conflict if a node of this name exists and is not revoked (unless `replace`).
  virtual void add_node(NodeInfo node, bool replace, Done<bool> done) = 0;
  // Revokes every certificate the node was ever added with; they stay revoked if it joins again.
  virtual void revoke_node(std::string name, Done<std::vector<std::string>> serials) = 0;
  // Serials of all revoked certificates.
  virtual void revoked(Done<std::vector<std::string>> done) = 0;
  // Notes it with the next transaction; a node that is not there is not added.
  virtual void seen(std::string node, base::Time at) = 0;

  // Finishes what was asked, then calls `done` once.
  virtual void close(std::function<void()> done) = 0;
};

}  // namespace selvedge::cloud
