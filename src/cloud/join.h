// What the ways to a certificate share: joining by token, EST, renewal.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cloud/api.h"

namespace selvedge::cloud {

// How long a certificate of this role is valid here.
base::Duration validity_of(const CloudConfig& config, crypto::Role role);

// The hosts of a node's certificate: what it asks for, its name and the loopback. Code::invalid_input
// for something that is no host, for more than 16, and for one of the cloud's own: a node must not
// be taken for the cloud.
base::Result<std::vector<std::string>> node_hosts(const std::vector<std::string>& asked,
                                                  const std::string& name,
                                                  const std::vector<std::string>& of_cloud);

// Issues a certificate and, for a node, notes it as the node's present one. `done` when both are
// durable.
void enrol(ApiContext& context, CertificateOrder order,
           std::function<void(base::Result<Issued>)> done);

// Uses a token up: made for a node, or for one device, whose name is then bound to it. Says which
// role it gives. Code::denied as BlockStore::use_token; exhausted when the address `from` was wrong
// too often lately.
void use_token(ApiContext& context, const std::string& from, const std::string& id,
               const std::string& secret, const std::string& name,
               std::function<void(base::Result<crypto::Role>)> answer);
// How a token for a device is kept: as one for this "node".
std::string token_owner(crypto::Role role, const std::string& name);

}  // namespace selvedge::cloud
