// HeldModels: from artifacts that are whole on this disk to models that serve.
//
// Before a model is loaded its signed manifest is checked anew (signers, expiry, target), its chunks
// are verified as they are read, and what is sealed is opened in memory, on the thread that loads it;
// nothing of a sealed model is written anywhere. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "engine/trust/trust.h"
#include "os/loop.h"
#include "serving/models.h"
#include "store/artifact_store.h"

namespace selvedge::node {

inline constexpr std::string_view model_kind = "model";   // of artifacts

class HeldModels {
 public:
  using Check = std::function<base::Result<engine::TrustedManifest>(std::string_view envelope,
                                                                    const engine::ArtifactAsk& ask)>;
  using Done = std::function<void(base::Result<model::Sha256>)>;     // the digest of what serves

  HeldModels(os::Loop& loop, store::ArtifactStore& store, Check check, serving::Models& models);
  ~HeldModels();

  // What to do about a version older than one that was taken here: only one that never went may stay.
  enum class Older : std::uint8_t { refuse, stays };
  // Code::not_found: it is not whole here; Code::denied: it is not trusted, or not for this machine;
  // Code::invalid_input: no model; else as serving::Models::load.
  void load(const std::string& name, std::uint64_t version, Older older, Done done);
  // The newest version that is whole here; 0: none, or no model.
  std::uint64_t newest(std::string_view name) const;
  bool is_whole(std::string_view name, std::uint64_t version) const;

  serving::Models& models() { return state_->models; }

 private:
  struct State : std::enable_shared_from_this<State> {
    State(os::Loop& l, store::ArtifactStore& s, Check c, serving::Models& m)
        : loop(l), store(s), check(std::move(c)), models(m) {}
    void check_and_open(const serving::ModelKey& key, Older older, const std::string& document, Done done);
    void read_and_load(const serving::ModelKey& key, std::shared_ptr<store::ArtifactReader> reader, Done done);

    os::Loop& loop;
    store::ArtifactStore& store;
    Check check;
    serving::Models& models;
  };
  std::shared_ptr<State> state_;
};

}  // namespace selvedge::node
