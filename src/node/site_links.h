// SiteLinks: the connections of a node to the other members of its site, over TLS 1.3 on a listener of their own.
//
// Each member calls each other one and says what it has to say on that connection; nothing comes back on it. Both sides
// show the certificate of a node of the fleet, and it must be a member's: whoever is called that of the address he was
// called at, whoever calls that of another member. So only nodes of the site take part, whoever reaches the port.
//
// A call that fails is made again after a pause that grows to most_pause; a connection on which nothing can be known
// to arrive, since its member has not been heard of for `silence`, is replaced by a new one, as TCP would take long to
// use an old one again after a cut. What a member sends is bounded in size (most_site_frame) and in number
// (SiteLinksLimits); one that sends more is cut off. What cannot be sent is not kept: whoever sends hears of each
// connection and says then what counts. Belongs to the loop thread.

#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "engine/site/frame.h"
#include "os/world.h"

namespace selvedge::node {

struct SiteLinksLimits {
  double frames_per_second = 200, frames_burst = 4'000;    // of one member
  std::size_t unsent_beats = 64 << 10, unsent = 8 << 20;   // beyond: no beats; the connection ends
  base::Duration connect_timeout = std::chrono::seconds(2), silence = std::chrono::seconds(2);
  base::Duration first_pause = std::chrono::milliseconds(250), most_pause = std::chrono::seconds(2);
};

struct SiteLinksConfig {
  std::string site, self;
  std::string listen;
  std::map<std::string, os::Endpoint> members;     // the others, by name
  SiteLinksLimits limits;
};

// What TLS goes by: the node's own certificate, and who is let in beside that.
struct SiteTrust {
  os::TlsConfig tls;                               // certificate, key, trusted
  std::function<bool(const std::string& serial)> is_revoked;
};

struct SiteLinksHost {
  std::function<void(const std::string& member)> opened;           // it can be told everything
  std::function<void(const std::string& member, engine::SiteFrame)> received;
};

class SiteLinks {
 public:
  SiteLinks(os::World& world, SiteLinksConfig config, SiteLinksHost host, base::Registry& metrics);
  ~SiteLinks();

  base::Result<void> start(const SiteTrust& trust);
  void stop();
  // A new certificate, from the next connections on.
  base::Result<void> replace(const SiteTrust& trust);
  // Ends connections of certificates that are revoked now.
  void recheck(const SiteTrust& trust);

  void send(const std::string& member, const engine::SiteFrame& frame);
  void send_all(const engine::SiteFrame& frame);
  bool connected(const std::string& member) const;
  std::uint16_t port() const;

 private:
  struct Caller;
  struct Called;
  os::TlsConfig server_config(const SiteTrust& trust) const;
  os::TlsConfig client_config(const SiteTrust& trust, const std::string& member) const;
  void accept(std::unique_ptr<os::Stream> stream);
  void ended(Called& called, std::string_view why);
  bool take(Called& called, base::BytesView bytes);
  void look();

  os::World& world_;
  SiteLinksConfig config_;
  SiteLinksHost host_;
  std::string members_;                            // of everybody, as in greetings
  std::shared_ptr<os::Tls> server_;
  std::unique_ptr<os::Listener> listener_;
  std::map<std::string, std::unique_ptr<Caller>> callers_;         // by member
  std::map<std::string, std::unique_ptr<Called>> called_;          // the newest connection of each member
  std::map<std::string, base::Instant> heard_;
  os::TimerId look_timer_ = os::TimerId::none;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  base::Counter& refused_;
  base::Counter& frames_;
};

}  // namespace selvedge::node
