#include "os/address.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace selvedge::os {

std::uint16_t SocketAddress::port() const {
  return ntohs(family() == AF_INET6 ? v6.sin6_port : v4.sin_port);
}

bool SocketAddress::loopback() const {
  if (family() == AF_INET) return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return v6.sin6_addr.s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

std::string SocketAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (family() == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET6, &v6.sin6_addr, buffer.data(), buffer.size());
    return "[" + std::string(buffer.data()) + "]:" + std::to_string(port());
  }
  const void* bytes = family() == AF_INET ? static_cast<const void*>(&v4.sin_addr)
                                          : static_cast<const void*>(&v6.sin6_addr.s6_addr[12]);
  inet_ntop(AF_INET, bytes, buffer.data(), buffer.size());
  return std::string(buffer.data()) + ":" + std::to_string(port());
}

std::optional<SocketAddress> literal_address(const Endpoint& at) {
  SocketAddress address;
  if (inet_pton(AF_INET, at.host.c_str(), &address.v4.sin_addr) == 1) {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(at.port);
    return address;
  }
  address = {};
  if (inet_pton(AF_INET6, at.host.c_str(), &address.v6.sin6_addr) == 1) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(at.port);
    return address;
  }
  return std::nullopt;
}

base::Result<std::vector<SocketAddress>> resolve(const Endpoint& at) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(at.host.c_str(), std::to_string(at.port).c_str(), &hints, &found);
  if (error != 0) {
    const char* why = error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error);
    return base::fail(base::Code::unavailable, "look up " + at.host + ": " + why);
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family != AF_INET && each->ai_family != AF_INET6) continue;
    if (each->ai_addrlen > sizeof(sockaddr_in6)) continue;
    SocketAddress& address = addresses.emplace_back();
    std::memcpy(&address.v6, each->ai_addr, each->ai_addrlen);
  }
  if (addresses.empty())
    return base::fail(base::Code::unavailable, "look up " + at.host + ": it has no IP address");
  return addresses;
}

SocketAddress any_address(int family, std::uint16_t port) {
  SocketAddress address;
  if (family == AF_INET6) {
    address.v6.sin6_family = AF_INET6;
    address.v6.sin6_port = htons(port);
  } else {
    address.v4.sin_family = AF_INET;
    address.v4.sin_port = htons(port);
  }
  return address;
}

}  // namespace selvedge::os
