// Artifacts::State, private to the .cc files of cloud/artifacts:
//   artifacts.cc        routes, the list
//   artifacts_blobs.cc  bytes, both ways
//   artifacts_push.cc   manifests, keys documents, removal

#pragma once

#include "cloud/artifacts.h"

namespace selvedge::cloud {

struct Artifacts::State : std::enable_shared_from_this<Artifacts::State> {
  using Caller = net::api::Caller;
  using Request = net::http::Request;
  using Respond = net::http::Respond;

  explicit State(os::World& w) : world(w) {}

  void get(const Caller& caller, const Request& request, const Respond& respond);
  void put(const Caller& caller, Request request, const Respond& respond);
  void remove(const Caller& caller, const Request& request, const Respond& respond);

  void list(const Request& request, std::string_view name, const Respond& respond) const;
  void get_manifest(std::string_view name, std::uint64_t version, const Respond& respond);
  void get_keys(const Request& request, const Respond& respond) const;
  void get_blob(const model::Sha256& digest, const Request& request, const Respond& respond);
  void send_blob(const model::Sha256& digest, const Request& request, std::uint64_t size,
                 std::unique_ptr<os::File> file, const Respond& respond);
  void put_blob(const model::Sha256& digest, Request request, const Respond& respond);
  void put_manifest(const Caller& caller, std::string name, std::uint64_t version, std::string document,
                    const Respond& respond);
  void put_keys(const Caller& caller, std::string document, const Respond& respond);

  os::World& world;
  std::shared_ptr<ArtifactCatalog> catalog;
  std::shared_ptr<ArtifactKeys> keys;
  ArtifactAccess access;
  std::uint32_t sending = 0, last_lane = 0;
  base::Counter* sent_bytes = nullptr;
  base::Counter* received_bytes = nullptr;
};

}  // namespace selvedge::cloud
