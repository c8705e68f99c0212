// NodeIdentity: who this node is: its key and certificate, the CA it trusts, and the cloud it joined.
//
// `selvedge node join` writes it into <state>/identity; without it a node runs, stores and serves
// its site, and keeps everything for a cloud it may join later.

#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "os/world.h"

namespace selvedge::identity {

struct NodeIdentity {
  std::string name;                  // in the certificate
  std::string key, certificate;      // PEM
  std::string authority;             // PEM of the CA
  std::string cloud_mqtt;            // host:port
  std::string cloud_url;             // https://host:port
};

// Nothing if the node has not joined. Code::corrupt if what is there does not fit together.
base::Result<std::optional<NodeIdentity>> load(os::World& world, std::string_view state);
base::Result<void> save(os::World& world, std::string_view state,
                                 const NodeIdentity& identity);

}  // namespace selvedge::identity
