// Trust: which signed artifacts this machine may take, decided from one root document alone.
//
// It begins with the keys document that somebody gave it by hand. From there it follows: version
// N + 1 is taken when enough root keys of version N and enough of version N + 1 have signed it, so
// that any number of rotations made while this machine was away are walked one by one. Who serves
// the documents can hold them back, which expiry limits, but can neither forge nor turn them back.
// docs/spec/trust.md says the rules; The Update Framework's specification is where they come from.
//
// The clock may be wrong: time never counts as earlier than the newest moment that a root key has
// signed or that saw_time() was told. Functions on a value: no clock, no I/O. save() is the whole
// state; whoever keeps it writes it before acting on what was taken. Any thread, one at a time.

#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "model/artifact.h"
#include "model/keys_document.h"

namespace selvedge::engine {

// The machine that would use an artifact.
struct Place {
  std::string arch, os;                        // "x86_64", "linux"
  std::vector<std::string> device_types;
};

// What was asked for; an artifact that is something else is refused however well it is signed.
struct ArtifactAsk {
  std::string name;
  std::optional<std::uint64_t> version;
  std::optional<model::Sha256> digest;
  std::uint64_t size_most = model::ArtifactLimits::bytes;   // what this machine can hold
  // It was taken here and never went since, though a newer one was taken: that is no way back. Who asks
  // knows so from what this machine keeps, never from what it is told.
  bool stayed = false;
};

struct TrustedManifest {
  model::ArtifactManifest manifest;
  std::vector<std::string> signers;            // ids of the keys that counted, sorted
};

class Trust {
 public:
  // The first document, taken because of how it came. It must be signed by its own root keys.
  static base::Result<Trust> begin(std::string_view keys_envelope);
  // Code::corrupt if the bytes are not what save() gave.
  static base::Result<Trust> restore(base::BytesView saved);
  base::Bytes save() const;

  enum class Followed : std::uint8_t { newer, had_already };
  // Takes the next keys document, even one that has expired: a newer one may follow. Code::denied:
  // not signed as it must be, or another document under the version held; Code::conflict: a version
  // between this one and that one is missing (ask for next_version()) or it is older. Nothing
  // changes on an error.
  base::Result<Followed> follow(std::string_view keys_envelope);
  std::uint64_t next_version() const { return document_.version + 1; }
  // Whether this document is held or was on the way from the first one to it.
  bool has_followed(std::string_view keys_envelope) const;

  // Code::denied: wrong signers, expired, not for this machine, an older version than was taken
  // before, or another artifact under its name and version. Code::exhausted: larger than asked for.
  base::Result<TrustedManifest> check(std::string_view manifest_envelope, const ArtifactAsk& ask,
                                      const Place& place, base::Time now) const;
  // Remembers that this version is in use: no older one is taken from now on. Code::exhausted if too
  // many names are remembered.
  base::Result<void> took(const TrustedManifest& trusted);
  // Forgets a name that is not held any more and never shall be again.
  void forget(std::string_view name) { floors_.erase(std::string(name)); }

  // A moment that has certainly been: from an authenticated source only.
  void saw_time(base::Time certain) { floor_time_ = std::max(floor_time_, certain); }
  base::Time time(base::Time clock) const { return std::max(clock, floor_time_); }
  bool expired(base::Time now) const { return time(now) >= document_.expires; }

  const model::KeysDocument& document() const { return document_; }
  const std::string& envelope() const { return envelope_; }   // of document(), as it came
  // The newest version of `name` that was taken; 0: none.
  std::uint64_t newest(std::string_view name) const;

  static constexpr std::size_t max_names = 10'000;
  static constexpr std::size_t max_way = 4096;   // documents remembered by digest; the oldest go

 private:
  struct Floor {
    std::uint64_t version = 0;
    model::Sha256 digest{};                    // of the content
    std::string kind;
    std::vector<std::string> signers;
  };

  Trust() = default;

  std::string envelope_;
  model::KeysDocument document_;
  std::vector<model::Sha256> way_;               // digests of the payloads from the first document on
  base::Time floor_time_{};
  std::map<std::string, Floor, std::less<>> floors_;
};

}  // namespace selvedge::engine
