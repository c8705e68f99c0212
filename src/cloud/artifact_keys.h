// ArtifactKeys: the chain of signed keys documents as the cloud serves it, and what follows from it.
//
// The first document is taken from whoever may administer; from then on each must follow the last by
// the rules of engine/trust/trust.h, so not even an administrator can put in another one without the
// root keys. A document is on disk, in <state>/artifacts/keys, before it counts. Nodes walk the chain
// by themselves: what the cloud decides here saves them trouble and is not what they rely on.
// Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/trust/trust.h"
#include "os/world.h"

namespace selvedge::cloud {

class ArtifactKeys {
 public:
  static constexpr std::size_t max_documents = 4096;

  // Blocks. Code::corrupt if the chain on disk does not hold together.
  static base::Result<std::shared_ptr<ArtifactKeys>> open(os::World& world, std::string_view path);

  // True: it is new. Code::conflict while another is being added.
  void add(std::string envelope, std::function<void(base::Result<bool>)> done);
  // Those from version `from` on, oldest first, at most `most`; 0: the newest alone.
  std::vector<std::string> documents(std::uint64_t from, std::size_t most) const;
  std::uint64_t newest() const { return trust_ ? trust_->document().version : 0; }

  // As a node would that the manifest is meant for. Code::unavailable without a keys document.
  base::Result<engine::TrustedManifest> check(std::string_view envelope, std::string_view name,
                                              std::uint64_t version) const;

  ArtifactKeys(os::World& world, std::shared_ptr<os::Dir> dir) : world_(world), dir_(std::move(dir)) {}

 private:
  base::Result<void> load();

  os::World& world_;
  std::shared_ptr<os::Dir> dir_;
  std::optional<engine::Trust> trust_;
  std::uint64_t first_ = 0;                  // version of documents_[0]
  std::vector<std::string> documents_;
  bool adding_ = false;
  std::weak_ptr<ArtifactKeys> self_;
};

}  // namespace selvedge::cloud
