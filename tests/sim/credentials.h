// Credentials: one certificate authority for a simulated fleet, and what it issues.
//
// Real certificates, because programs read them from their disks; one key for each role, because
// making keys takes time. All are valid from long before the simulation begins, so that no clock that
// jumps back makes them come too early, and texts are as long in every run, because the disk counts.
// What was issued once in a process is given out again, so that a second run of a seed is the same
// to the byte.

#pragma once

#include <map>
#include <string>

#include "crypto/crypto.h"
#include "identity/identity.h"
#include "os/world.h"

namespace selvedge::sim {

class Credentials {
 public:
  // Those of all simulations of this process that begin at `now`.
  static const Credentials& since(base::Time now);

  // Writes what a cloud keeps in `state`, as if it had run before.
  base::Result<void> install_cloud(os::World& world, const std::string& state,
                                   const std::string& name) const;
  // What `selvedge node join` would have written.
  base::Result<void> install_node(os::World& world, const std::string& state,
                                  const std::string& name, const std::string& cloud) const;
  // For a device that calls a node.
  os::TlsConfig device(const std::string& name) const;

 private:
  std::string issue(crypto::Role role, const std::string& name, const std::string& key) const;

  explicit Credentials(base::Time now);

  base::Time from_;
  crypto::Authority authority_;
  std::string node_key_, device_key_, cloud_key_;
  mutable std::map<std::string, std::string> issued_;   // by role and name
};

}  // namespace selvedge::sim
