// Serving: which version of which model answers which request, what waits, what is dropped, and what
// fits into memory, decided without loading or running anything.
//
// A version is loaded in two steps: its package is read, which says how much memory it will need;
// if that fits the budget it is made, and only then serves. Until that moment, and if any of it
// fails, the versions before serve on. A request is bound to a version when it comes, so what is
// unloaded or replaced answers what it has and then goes. Workers are shared: the models that have
// something waiting take turns.
//
// Bounds: ServingLimits. A queue beyond its bound refuses with Code::exhausted, or drops the oldest
// request that may be dropped; a model beyond the budget is refused with what it needs and what
// there is. step(input, now) -> outputs: no clock, no I/O. Belongs to one thread.

#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace selvedge::engine {

struct ServingKey {
  std::string name;
  std::uint64_t version = 0;

  friend auto operator<=>(const ServingKey&, const ServingKey&) = default;
};

struct ServingLimits {
  std::uint64_t memory = std::uint64_t{256} << 20;   // of all versions, as they say they need
  std::size_t queue = 64;                            // waiting, each version
  std::size_t workers = 2;                           // running at once
  std::size_t versions = 1'000;                      // known, failed ones too
};

enum class ServingState : std::uint8_t { loading, serving, failed, leaving };
std::string_view name(ServingState state);

// ---- inputs ----

struct LoadVersion { ServingKey key; };
struct UnloadVersion { ServingKey key; };
// What a package that was read will need.
struct VersionRead {
  ServingKey key;
  std::uint64_t memory = 0;
  std::optional<base::Error> failed;
};
// It was made and tried; `memory` as measured.
struct VersionMade {
  ServingKey key;
  std::uint64_t memory = 0;
  std::optional<base::Error> failed;
};
struct AskVersion {
  std::uint64_t request = 0;                         // unique
  std::string name;
  std::uint64_t version = 0;                         // 0: the newest that serves
  enum class WhenFull : std::uint8_t { refuse, drop_oldest } when_full = WhenFull::refuse;
};
struct RequestDone {
  std::uint64_t request = 0;
  bool failed = false;
};

using ServingInput =
    std::variant<LoadVersion, UnloadVersion, VersionRead, VersionMade, AskVersion, RequestDone>;

// ---- outputs, to be carried out in order ----

struct ReadVersion { ServingKey key; };              // answer with VersionRead
struct MakeVersion { ServingKey key; };              // answer with VersionMade
// Once for each LoadVersion; several for one version end together.
struct LoadEnded {
  ServingKey key;
  std::optional<base::Error> failed;
};
// Nothing of the version is used any more, or its load failed: what was made of it may be dropped.
struct VersionGone { ServingKey key; };
struct UnloadEnded { ServingKey key; };              // once for each UnloadVersion
struct RunRequest {
  std::uint64_t request = 0;
  ServingKey key;
  std::size_t worker = 0;                            // 0 to limits.workers - 1; free now
  base::Duration waited{};
};
struct RefuseRequest {
  std::uint64_t request = 0;
  base::Error why;
  bool dropped = false;                              // it had been taken, and made room for a newer one
};

using ServingOutput =
    std::variant<ReadVersion, MakeVersion, LoadEnded, VersionGone, UnloadEnded, RunRequest, RefuseRequest>;

struct ServingStatus {
  ServingKey key;
  ServingState state = ServingState::loading;
  std::optional<base::Error> failed;                 // why
  std::uint64_t memory = 0;
  std::uint64_t requests = 0, failures = 0;          // taken; answered with an error
  std::size_t waiting = 0, running = 0;
};

class Serving {
 public:
  explicit Serving(ServingLimits limits);

  void step(const ServingInput& input, base::Instant now, std::vector<ServingOutput>& out);

  // The version that a request would get; Code::not_found, or unavailable with why it does not serve.
  base::Result<ServingKey> resolve(std::string_view name, std::uint64_t version) const;
  std::vector<ServingStatus> list() const;           // by name and version
  std::uint64_t memory() const { return memory_; }
  std::size_t waiting() const { return waiting_; }
  const ServingLimits& limits() const { return limits_; }

 private:
  struct Waiting {
    std::uint64_t request = 0;
    bool may_drop = false;
    base::Instant since{};
  };
  struct Version {
    ServingState state = ServingState::loading;
    enum class Stage : std::uint8_t { reading, making, made } stage = Stage::reading;
    bool abandoned = false;                          // unloaded while it is loaded
    std::optional<base::Error> failed;
    std::uint64_t memory = 0, requests = 0, failures = 0;
    std::size_t loads = 1, unloads = 0;              // to be answered
    std::size_t running = 0;
    std::deque<Waiting> queue;
  };
  struct Running {
    ServingKey key;
    std::size_t worker = 0;
  };
  using Outputs = std::vector<ServingOutput>;
  using Versions = std::map<ServingKey, Version>;

  void load(const ServingKey& key, Outputs& out);
  void unload(const ServingKey& key, Outputs& out);
  void read(const VersionRead& input, Outputs& out);
  void made(const VersionMade& input, Outputs& out);
  void ask(const AskVersion& input, base::Instant now, Outputs& out);
  void done(const RequestDone& input, Outputs& out);
  void hand_out(base::Instant now, Outputs& out);

  void end_load(Versions::iterator at, std::optional<base::Error> failed, Outputs& out);
  void abandon(Versions::iterator at, Outputs& out);
  void go_if_idle(Versions::iterator at, Outputs& out);
  void end_unloads(Versions::iterator at, Outputs& out);
  void set_memory(Version& version, std::uint64_t bytes);
  base::Error no_room(const ServingKey& key, std::uint64_t needed) const;

  ServingLimits limits_;
  Versions versions_;
  std::map<std::uint64_t, Running> running_;
  std::vector<std::size_t> free_;                    // workers
  ServingKey turn_;                                  // the version that got a worker last
  std::uint64_t memory_ = 0;
  std::size_t waiting_ = 0;
};

}  // namespace selvedge::engine
