#include "os/socket_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace selvedge::os {
namespace {

// A peer that vanished is noticed after a minute and a half when nothing is sent to it, and after
// two when something is. The second also ends a peer that takes nothing for so long.
constexpr int keepalive_idle_seconds = 60, keepalive_interval_seconds = 15, keepalive_probes = 3;
constexpr int unacknowledged_ms = 120'000;

// An option that cannot be set costs speed or patience, not correctness.
void set(int fd, int level, int option, int value) {
  [[maybe_unused]] const int ignored = ::setsockopt(fd, level, option, &value, sizeof value);
}

}  // namespace

void set_stream_options(int fd) {
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, keepalive_idle_seconds);
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, keepalive_interval_seconds);
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, keepalive_probes);
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, unacknowledged_ms);
}

void acknowledge_quickly(int fd) { set(fd, IPPROTO_TCP, TCP_QUICKACK, 1); }

}  // namespace selvedge::os
