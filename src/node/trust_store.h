// TrustStore: whose signatures this node believes, and the key that artifacts are sealed for it
// with; durable in <state>/trust.
//
// The first keys document comes from the file the config names (artifacts.root), and then no other
// one will do; without such a file it is the first that the cloud offers. From then on the cloud
// can only hand on what the root keys signed (engine/trust/trust.h). The sealing key is made here
// and never leaves. What is decided holds in memory at once and is on disk when `done` is called;
// after a failed write memory is merely stricter than the disk. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/seal.h"
#include "engine/trust/trust.h"
#include "os/world.h"

namespace selvedge::node {

struct TrustStoreConfig {
  std::string root_file;                   // path; empty: begin with what is offered first
  std::vector<std::string> device_types;   // of this node, for targets
};

class TrustStore {
 public:
  using Done = std::function<void(base::Result<void>)>;

  static base::Result<std::unique_ptr<TrustStore>> open(os::World& world, std::string_view state,
                                                        TrustStoreConfig config);

  // Null until there is a first keys document.
  const engine::Trust* trust() const { return trust_ ? &*trust_ : nullptr; }
  // Ask the cloud for keys documents from this version on; 0: any, the newest first will do.
  std::uint64_t next_version() const { return trust_ ? trust_->next_version() : 0; }

  // Keys documents (envelopes) in the order of their versions, as the cloud has them; those that are
  // known already are skipped. Stops at the first that is refused and says why; those before it
  // count. `done` may be called at once if nothing was new.
  void offer(const std::vector<std::string>& documents, Done done);

  // Code::unavailable until there is a first keys document; else as Trust::check, with this machine
  // as the place and its clock as the time.
  base::Result<engine::TrustedManifest> check(std::string_view manifest_envelope,
                                              const engine::ArtifactAsk& ask) const;
  // To be called, and waited for, before the artifact is used.
  void took(const engine::TrustedManifest& trusted, Done done);

  const crypto::SealKeyPair& seal_keys() const { return seal_keys_; }
  const engine::Place& place() const { return place_; }

 private:
  explicit TrustStore(os::World& world) : world_(world) {}
  base::Result<void> load(std::string_view root_file);
  base::Result<void> use_root_file(std::string_view path);
  base::Result<void> load_seal_keys();
  void save(Done done);

  os::World& world_;
  std::shared_ptr<os::Dir> dir_;
  std::optional<engine::Trust> trust_;
  crypto::SealKeyPair seal_keys_;
  engine::Place place_;
};

}  // namespace selvedge::node
