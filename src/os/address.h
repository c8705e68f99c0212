// SocketAddress: an IPv4 or IPv6 address with a port, and the way to one from a name.

#pragma once

#include <netinet/in.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/stream.h"

namespace selvedge::os {

struct SocketAddress {
  union {
    sockaddr generic;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };

  SocketAddress() : v6{} {}
  int family() const { return generic.sa_family; }
  socklen_t size() const { return family() == AF_INET6 ? sizeof v6 : sizeof v4; }
  std::uint16_t port() const;
  bool loopback() const;
  std::string text() const;  // "1.2.3.4:80", "[::1]:80"; a v4-mapped address as IPv4
};

// The address that `at` spells out, if it is no name.
std::optional<SocketAddress> literal_address(const Endpoint& at);
// Asks the system's resolver and may take seconds. Never empty.
base::Result<std::vector<SocketAddress>> resolve(const Endpoint& at);
// Where to listen: every address of the machine for an empty host.
SocketAddress any_address(int family, std::uint16_t port);

}  // namespace selvedge::os
