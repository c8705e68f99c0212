// Dial: one attempt to reach an endpoint: looks its name up, tries its addresses in turn.
//
// While addresses are left, each gets its share of the time; the limit for the whole is the
// caller's, who destroys the Dial to give up.

#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "os/address.h"
#include "os/epoll_loop.h"
#include "os/fd.h"

namespace selvedge::os {

struct Connected {
  Fd fd;
  SocketAddress address;
};

class Dial final : public Watch {
 public:
  using Done = std::function<void(base::Result<Connected>)>;

  // `done` is called once, never from here; it may destroy the Dial.
  Dial(EpollLoop& loop, const Endpoint& to, base::Duration timeout, Done done);
  ~Dial();
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

  void ready(std::uint32_t events) override;

 private:
  void look_up(const Endpoint& to);
  void try_next();
  bool begin(const SocketAddress& address);
  void fail_attempt(int error);
  void finish(base::Result<Connected> outcome);

  EpollLoop& loop_;
  base::Instant until_;
  Done done_;
  std::shared_ptr<Dial*> self_;   // what the look-up finds of us: null once we are gone
  std::vector<SocketAddress> left_;  // the next is the last
  SocketAddress current_;
  Fd fd_;
  TimerId timer_ = TimerId::none;
  base::Error last_;
};

}  // namespace selvedge::os
