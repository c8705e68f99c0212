// NodeIdentity: who this node is: its key and certificate, the authorities it trusts, and the cloud it
// joined.
//
// `selvedge node join` writes it into <state>/identity, and the node itself at each renewal; without
// it a node runs, stores and serves its site, and keeps everything for a cloud it may join later.
//
// A new identity is written under new names (node-<n>.key, node-<n>.crt, ca-<n>.crt), and then the file
// "joined", which names them, is replaced by one rename: a power cut leaves the old one or the new
// one, whole. Files of former ones are removed at the next save.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/world.h"

namespace selvedge::identity {

struct NodeIdentity {
  std::string name;                  // in the certificate
  std::string key, certificate;      // PEM; the key may be a URI (crypto/private_key.h)
  std::string authority;             // PEM of every authority that is trusted
  std::string cloud_mqtt;            // host:port
  std::string cloud_url;             // https://host:port
};

// Nothing if the node has not joined. Code::corrupt if what is there does not fit together. Warns of
// a key that others may read.
base::Result<std::optional<NodeIdentity>> load(os::World& world, std::string_view state);
base::Result<void> save(os::World& world, std::string_view state, const NodeIdentity& identity);

// Serials that the cloud has revoked, as last heard: kept so that they count before the cloud is
// reached again.
base::Result<std::vector<std::string>> load_revoked(os::World& world, std::string_view state);
base::Result<void> save_revoked(os::World& world, std::string_view state,
                                const std::vector<std::string>& serials);

// Lets a connection through only to the cloud: a node's certificate may name a host too. For
// TlsConfig::admit of those who call the cloud.
base::Result<void> admit_cloud(const os::Peer& peer);

// What a certificate should name: `hosts`, and those of these addresses ("host:port") that say one.
std::vector<std::string> certificate_hosts(std::vector<std::string> hosts,
                                           const std::vector<std::string>& addresses);

}  // namespace selvedge::identity
