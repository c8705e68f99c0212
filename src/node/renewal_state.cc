// What the cloud says of trust and revocations: the other half of Renewal.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "crypto/est.h"
#include "node/renewal.h"

namespace selvedge::node {

using base::Code;
using base::Result;

namespace {

// Told by the cloud all at once, nodes do not come all at once.
constexpr base::Duration soon = std::chrono::milliseconds(1000);
constexpr base::Duration longest_early = std::chrono::hours(1);
constexpr std::size_t most_revoked = 1'000'000;

base::Duration part_of(base::Duration whole, double share) {
  return base::Duration(static_cast<std::int64_t>(share * static_cast<double>(whole.count())));
}

std::string trust_version(const std::string& trust) {
  return base::to_hex(crypto::sha256(base::as_bytes(trust))).substr(0, 16);
}

}  // namespace

void Renewal::look() {
  if (asking_) {
    look_again_ = true;
    return;
  }
  world_.loop().cancel(state_timer_);
  state_timer_ = world_.loop().after(part_of(soon, world_.random_unit()), [this] { fetch_state(); });
}

void Renewal::fetch_state() {
  state_timer_ = os::TimerId::none;
  if (has_run_out()) return take_state(base::fail(Code::denied, "the certificate has run out"));
  asking_ = true;
  client_->fetch({"GET",
                  identity_.cloud_url + "/api/v1/authority/state?have=" + state_version_ +
                      "&trust=" + trust_version(identity_.authority),
                  {}, {}},
                 [this, living = std::weak_ptr<bool>(alive_)](
                     const Result<net::http::Fetched>& answer) {
                   if (!living.expired()) take_state(answer);
                 });
}

void Renewal::take_state(const Result<net::http::Fetched>& answer) {
  asking_ = false;
  const base::Duration pause = part_of(config_.poll, 0.75 + world_.random_unit() / 2);
  state_timer_ = world_.loop().after(pause, [this] { fetch_state(); });
  if (std::exchange(look_again_, false)) look();
  if (!answer || answer->status != 200) {
    const bool unchanged = answer && answer->status == 304;
    if (!unchanged && !has_run_out())
      base::log::debug("identity", "cannot ask the cloud what to trust",
                       {{"why", answer ? std::to_string(answer->status) : answer.error().message}});
    return;
  }
  const auto body = codec::json::parse(answer->body);
  if (!body || (*body)["version"].text().empty())
    return base::log::warn("identity", "the cloud's word on what to trust cannot be read");
  state_version_ = (*body)["version"].text();
  std::vector<std::string> serials;
  for (const auto& serial : (*body)["revoked"].array())
    if (serials.size() < most_revoked) serials.push_back(serial.text());
  take_revoked(std::move(serials));

  const std::string trust = (*body)["trust"].text(), signing = (*body)["signing"].text();
  if (!signing.empty() && !crypto::issuer_of(identity_.certificate, signing)) renew_early();
  if (trust == identity_.authority) return;
  if (renewing_) return state_version_.clear();   // the renewal brings it, or it is told again
  // What would shut out the node itself is not taken: its own certificate must stay good.
  if (!crypto::split_certificates(trust))
    return base::log::warn("identity", "the cloud's authorities cannot be read");
  identity::NodeIdentity next = identity_;
  next.authority = trust;
  adopt(std::move(next), [this] {
    base::log::info("identity", "the authorities that are trusted have changed");
    look();   // the cloud waits to hear it
  });
}

void Renewal::take_revoked(std::vector<std::string> serials) {
  std::ranges::sort(serials);
  if (serials == revoked_) return;
  revoked_ = serials;
  told_.revoked(serials);
  world_.loop().work(
      0x6E650001,
      [world = &world_, state = config_.state, serials = std::move(serials)] {
        if (const auto saved = identity::save_revoked(*world, state, serials); !saved)
          base::log::error("identity", "cannot keep the list of revoked certificates",
                           {{"why", saved.error()}});
      },
      [] {});
}

// Another authority signs by now: the sooner all have moved, the sooner the old one can go.
void Renewal::renew_early() {
  if (std::exchange(early_, true)) return;
  const base::Duration life = certificate_.not_after - certificate_.not_before;
  const base::Time now = world_.loop().wall_now();
  due_ = std::min(due_, now + part_of(std::min(longest_early, life / 24), world_.random_unit()));
}

}  // namespace selvedge::node
