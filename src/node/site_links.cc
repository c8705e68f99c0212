#include "node/site_links.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "crypto/crypto.h"

namespace selvedge::node {

using base::Code;
using base::fail;
using base::Result;

// This node calls a member.
struct SiteLinks::Caller final : os::StreamEvents {
  Caller(SiteLinks& o, std::string m, os::Endpoint t) : owner(o), member(std::move(m)), to(std::move(t)) {}
  ~Caller() override { owner.world_.loop().cancel(timer); }

  void call() {
    open = false;
    began = owner.world_.loop().now();
    stream = owner.world_.network().connect(to, tls, owner.config_.limits.connect_timeout, *this);
  }
  void again(const base::Error& why) {
    stream.reset();
    open = false;
    if (!std::exchange(told, true))
      base::log::info("site", "no connection to a member", {{"member", member}, {"at", to.text()}, {"why", why}});
    pause = std::min(std::max(pause * 2, owner.config_.limits.first_pause), owner.config_.limits.most_pause);
    const auto wait = std::chrono::duration_cast<base::Duration>(pause * (0.5 + owner.world_.random_unit() / 2));
    owner.world_.loop().cancel(timer);
    timer = owner.world_.loop().after(wait, [this] {
      timer = os::TimerId::none;
      call();
    });
  }
  void write(const engine::SiteFrame& frame) {
    if (!open) return;
    if (stream->unsent() > owner.config_.limits.unsent_beats && std::holds_alternative<engine::SiteBeat>(frame)) return;
    if (stream->unsent() > owner.config_.limits.unsent) return again({Code::exhausted, "it takes nothing"});
    base::Bytes bytes;
    engine::encode_site_frame(frame, bytes);
    stream->write(bytes);
  }
  void on_open(os::Stream&) override {
    open = true;
    began = owner.world_.loop().now();
    write(engine::SiteGreeting{owner.config_.site, owner.config_.self, owner.members_});
    owner.host_.opened(member);
  }
  void on_bytes(os::Stream&, base::BytesView) override { again({Code::corrupt, "it answers, and should not"}); }
  void on_close(os::Stream&, const base::Error& why) override { again(why); }

  SiteLinks& owner;
  const std::string member;
  const os::Endpoint to;
  std::shared_ptr<os::Tls> tls;
  std::unique_ptr<os::Stream> stream;
  bool open = false, told = false;
  base::Instant began{};
  base::Duration pause{};
  os::TimerId timer = os::TimerId::none;
};

// A member called this node.
struct SiteLinks::Called final : os::StreamEvents {
  Called(SiteLinks& o, std::string m, std::unique_ptr<os::Stream> s)
      : owner(o), member(std::move(m)), stream(std::move(s)), room(o.config_.limits.frames_burst), at(o.world_.loop().now()) {
    stream->set_events(*this);
  }
  void on_bytes(os::Stream&, base::BytesView bytes) override { owner.take(*this, bytes); }
  void on_close(os::Stream&, const base::Error& why) override { owner.ended(*this, why.message); }

  // Whether one more frame may come now.
  bool admit() {
    const base::Instant now = owner.world_.loop().now();
    const SiteLinksLimits& limits = owner.config_.limits;
    room = std::min(limits.frames_burst, room + std::chrono::duration<double>(now - std::exchange(at, now)).count() * limits.frames_per_second);
    if (room < 1) return false;
    room -= 1;
    return true;
  }

  SiteLinks& owner;
  const std::string member;
  std::unique_ptr<os::Stream> stream;
  engine::SiteFrameReader reader;
  bool greeted = false;
  double room;
  base::Instant at;
};

SiteLinks::SiteLinks(os::World& world, SiteLinksConfig config, SiteLinksHost host, base::Registry& metrics)
    : world_(world), config_(std::move(config)), host_(std::move(host)),
      refused_(metrics.counter("selvedge_site_refused_total", "Connections to the site's listener that were refused or ended for what came.")),
      frames_(metrics.counter("selvedge_site_frames_total", "Beats and documents of other members.")) {
  std::vector<std::string> names{config_.self};
  for (const auto& [name, at] : config_.members) names.push_back(name);
  members_ = engine::site_members(std::move(names));
}

SiteLinks::~SiteLinks() { stop(); }

os::TlsConfig SiteLinks::server_config(const SiteTrust& trust) const {
  os::TlsConfig tls = trust.tls;
  tls.peer = os::TlsConfig::PeerCertificate::required;
  tls.tls13_only = true;
  tls.admit = [this, is_revoked = trust.is_revoked](const os::Peer& peer) -> Result<void> {
    const auto role = crypto::role_of(peer.uris);
    if (!role || role->role != crypto::Role::node || !config_.members.contains(role->name)) {
      refused_.add();
      return fail(Code::denied, "the certificate of " + base::printable(peer.common_name) + " is no other member's of site " + config_.site);
    }
    if (is_revoked(peer.serial)) return fail(Code::denied, "certificate " + peer.serial + " is revoked");
    return {};
  };
  return tls;
}

os::TlsConfig SiteLinks::client_config(const SiteTrust& trust, const std::string& member) const {
  os::TlsConfig tls = trust.tls;
  tls.tls13_only = true;
  tls.server_name = member;
  tls.admit = [member, is_revoked = trust.is_revoked](const os::Peer& peer) -> Result<void> {
    const auto role = crypto::role_of(peer.uris);
    if (!role || role->role != crypto::Role::node || role->name != member)
      return fail(Code::denied, "the certificate of " + base::printable(peer.common_name) + " is not that of node " + member);
    if (is_revoked(peer.serial)) return fail(Code::denied, "certificate " + peer.serial + " is revoked");
    return {};
  };
  return tls;
}

Result<void> SiteLinks::start(const SiteTrust& trust) {
  server_ = TRY(base::while_doing("site TLS", world_.network().server_tls(server_config(trust))));
  const os::Endpoint at = TRY(base::while_doing("site.listen", os::parse_endpoint(config_.listen)));
  listener_ = TRY(base::while_doing("site: listen on " + config_.listen,
                                    world_.network().listen(at, server_, [this](auto stream) { accept(std::move(stream)); })));
  for (const auto& [name, to] : config_.members) {
    auto caller = std::make_unique<Caller>(*this, name, to);
    caller->tls = TRY(base::while_doing("site TLS", world_.network().client_tls(client_config(trust, name))));
    Caller& calls = *(callers_[name] = std::move(caller));
    calls.call();
  }
  look();
  return {};
}

void SiteLinks::stop() {
  world_.loop().cancel(std::exchange(look_timer_, os::TimerId::none));
  listener_.reset();
  callers_.clear();
  called_.clear();
}

Result<void> SiteLinks::replace(const SiteTrust& trust) {
  TRY(server_->replace(server_config(trust)));
  for (const auto& [name, caller] : callers_) TRY(caller->tls->replace(client_config(trust, name)));
  return {};
}

void SiteLinks::recheck(const SiteTrust& trust) {
  std::erase_if(called_, [&](const auto& one) {
    const bool revoked = trust.is_revoked(one.second->stream->peer().serial);
    if (revoked) base::log::warn("site", "a member's certificate is revoked", {{"member", one.first}});
    return revoked;
  });
}

void SiteLinks::accept(std::unique_ptr<os::Stream> stream) {
  const auto role = crypto::role_of(stream->peer().uris);
  if (!role) return;
  called_[role->name] = std::make_unique<Called>(*this, role->name, std::move(stream));
}

// It may be in the middle of a call of its own.
void SiteLinks::ended(Called& called, std::string_view why) {
  const auto at = called_.find(called.member);
  if (at == called_.end() || at->second.get() != &called) return;
  base::log::info("site", "a member's connection ended", {{"member", called.member}, {"why", why}});
  const std::shared_ptr<Called> kept = std::move(at->second);
  called_.erase(at);
  world_.loop().defer([kept] {});
}

bool SiteLinks::take(Called& called, base::BytesView bytes) {
  called.reader.add(bytes);
  const std::weak_ptr<bool> living = alive_;
  const std::string member = called.member;
  while (true) {
    auto next = called.reader.next();
    std::string why;
    if (!next) {
      why = next.error().message;
    } else if (!*next) {
      return true;
    } else if (!called.admit()) {
      why = "it sends too much";
    } else if (const auto* hello = std::get_if<engine::SiteGreeting>(&**next)) {
      called.greeted = hello->site == config_.site && hello->node == member && hello->members == members_;
      if (!called.greeted) why = "it was told of another site, or of other members: [site] must say the same at all";
    } else if (!called.greeted) {
      why = "it did not greet";
    } else if (const auto* beat = std::get_if<engine::SiteBeat>(&**next); beat != nullptr && beat->node != member) {
      why = "it speaks for another";
    }
    if (!why.empty()) {
      refused_.add();
      base::log::warn("site", "a member is not listened to", {{"member", member}, {"why", why}});
      ended(called, why);
      return false;
    }
    if (std::holds_alternative<engine::SiteGreeting>(**next)) continue;
    frames_.add();
    heard_[member] = world_.loop().now();
    host_.received(member, std::move(**next));
    const auto still = called_.find(member);
    if (living.expired() || still == called_.end() || still->second.get() != &called) return false;
  }
}

// Connections that lead nowhere are made anew.
void SiteLinks::look() {
  const base::Instant now = world_.loop().now();
  for (const auto& [name, caller] : callers_) {
    const base::Instant since = std::max(caller->began, heard_.contains(name) ? heard_[name] : base::Instant{});
    if (caller->open && now - since > config_.limits.silence) caller->again({Code::unavailable, "it was not heard of"});
    if (!caller->open || now - caller->began <= config_.limits.silence) continue;
    caller->pause = {};
    caller->told = false;
  }
  look_timer_ = world_.loop().after(config_.limits.silence / 4, [this] { look(); });
}

void SiteLinks::send(const std::string& member, const engine::SiteFrame& frame) {
  if (const auto at = callers_.find(member); at != callers_.end()) at->second->write(frame);
}

void SiteLinks::send_all(const engine::SiteFrame& frame) {
  for (const auto& [name, caller] : callers_) caller->write(frame);
}

bool SiteLinks::connected(const std::string& member) const {
  const auto at = callers_.find(member);
  return at != callers_.end() && at->second->open;
}

std::uint16_t SiteLinks::port() const { return listener_ ? listener_->port() : std::uint16_t{0}; }

}  // namespace selvedge::node
