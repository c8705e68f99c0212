// Fetcher: brings artifacts from the cloud to this node's disk, and keeps those that are wished for.
//
// hold() says which artifact is wished under a name; the newest wish for a name wins, and the older
// one ends with Code::conflict. What is here already is verified and held without the cloud. Else the
// signed manifest is fetched and checked, room is made, and the bytes are fetched, resumed, verified
// and published; only then `done` is told. A wish without a link waits for one until its deadline.
//
// Memory: two pieces of 1 MiB at most for each artifact under way, beside its manifest; when the disk
// is slow the server is made to wait. engine::Fetches decides what to ask for; store::ArtifactStore
// keeps. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "engine/fetch/fetches.h"
#include "engine/trust/trust.h"
#include "os/world.h"
#include "store/artifact_store.h"

namespace selvedge::node {

struct ArtifactWish {
  std::string name;
  std::uint64_t version = 0;
  std::optional<model::Sha256> digest;         // and no other bytes
  store::Pin pin = store::Pin::no;             // stays after a restart until it is released
  std::uint8_t priority = 0;                   // higher goes first
  std::optional<base::Duration> deadline;      // from now
};

struct HeldArtifact {
  std::string name;
  std::uint64_t version = 0;
  model::Sha256 digest{};                      // for ArtifactStore::open
  std::string kind;
  std::uint64_t size = 0;
};

// What decides whether a signed manifest may be taken (TrustStore, or a test).
struct FetcherTrust {
  std::function<base::Result<engine::TrustedManifest>(std::string_view envelope,
                                                      const engine::ArtifactAsk& ask)>
      check;
  // Calls back when it is on disk that this version is in use.
  std::function<void(const engine::TrustedManifest&, std::function<void(base::Result<void>)>)> took;
  // The version of the next keys document; 0: there is none yet. Null functions: none are asked for.
  std::function<std::uint64_t()> next_keys;
  std::function<void(const std::vector<std::string>&, std::function<void(base::Result<void>)>)>
      offer_keys;
};

struct FetcherConfig {
  engine::FetchLimits limits;
  base::Duration timeout = std::chrono::seconds(30);   // between two signs of life of the cloud
};

// One line of what `selvedge node artifacts` shows.
struct ArtifactStatus {
  store::StoredArtifact stored;                // of a wish that is not listed yet: name and version
  bool wished = false;
  std::string state;                           // whole, partial, waiting, fetching, failed
  std::uint64_t have = 0;                      // verified bytes
  std::string why;                             // what the last attempt failed on
};

class Fetcher {
 public:
  Fetcher(os::World& world, store::ArtifactStore& store, FetcherTrust trust,
          base::Registry& metrics, FetcherConfig config);
  ~Fetcher();

  // Where the cloud is, once this node has joined. May be called again.
  void set_cloud(std::string url, std::shared_ptr<os::Tls> tls);
  // The cloud can be reached again: what pauses goes on at once.
  void hurry();

  using Done = std::function<void(base::Result<HeldArtifact>)>;
  using Progress = std::function<void(std::uint64_t have, std::uint64_t size)>;
  // Neither is called within this call. After `done` the artifact stays held until release(), or
  // until another version of the name is held.
  void hold(ArtifactWish wish, Done done, Progress progress = {});
  // Ends a hold() under way; its `done` gets Code::conflict.
  void cancel(std::string_view name);
  // It is not wished for any more, and goes when room is needed.
  void release(std::string_view name);

  std::vector<ArtifactStatus> list() const;
  const engine::FetchStats& stats() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace selvedge::node
