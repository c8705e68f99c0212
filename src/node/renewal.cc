#include "node/renewal.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "crypto/est.h"
#include "crypto/private_key.h"
#include "identity/renewal.h"

namespace selvedge::node {

using base::Code;
using base::Result;

namespace {

constexpr std::uint32_t lane = 0x6E650001;
constexpr const char* counter_name = "selvedge_certificate_renewals_total";
constexpr const char* counter_help = "Tries to renew the node's certificate.";

net::http::ClientLimits client_limits() {
  net::http::ClientLimits limits;
  limits.connections = 2;
  limits.body_bytes = 64 << 20;
  limits.timeout = std::chrono::seconds(30);
  return limits;
}

base::Duration check_every(const crypto::CertificateInfo& certificate) {
  return std::clamp<base::Duration>((certificate.not_after - certificate.not_before - crypto::clock_skew) / 50,
                                    std::chrono::seconds(1), std::chrono::minutes(1));
}

base::Backoff backoff_for(const crypto::CertificateInfo& certificate) {
  const identity::RetryBounds bounds = identity::retry_bounds(certificate);
  return base::Backoff(bounds.first, bounds.most, std::chrono::hours(24));
}

bool covers(const crypto::CertificateInfo& info, const std::vector<std::string>& hosts) {
  return std::ranges::all_of(hosts, [&](const std::string& host) {
    return std::ranges::find(info.dns_names, host) != info.dns_names.end() ||
           std::ranges::find(info.addresses, host) != info.addresses.end();
  });
}

// What an answer of the cloud says went wrong.
base::Error problem_of(const net::http::Fetched& answer) {
  const auto body = codec::json::parse(answer.body);
  std::string detail = body ? (*body)["detail"].text() : "";
  if (detail.empty()) detail = "the cloud answered " + std::to_string(answer.status);
  return {answer.status == 401 || answer.status == 403 ? Code::denied : Code::unavailable, detail};
}

}  // namespace

struct Renewal::Made {
  identity::NodeIdentity next;
  std::string csr;
  std::string proof;                             // base64; "" if the certificate still stands
  Result<void> outcome;

  void make(bool prove) {
    outcome = [&]() -> Result<void> {
      const std::string old_key = next.key;
      if (!crypto::is_key_uri(old_key)) next.key = TRY(crypto::make_key());
      csr = TRY(crypto::make_csr(next.key, next.name));
      if (!prove) return {};
      const std::string text = identity::renewal_proof_text(csr);
      proof = base::to_base64(TRY(crypto::prove_key(old_key, base::as_bytes(text))));
      return {};
    }();
  }
};

Renewal::Renewal(os::World& world, base::Registry& metrics, identity::NodeIdentity identity,
                 RenewalConfig config, Told told)
    : world_(world),
      identity_(std::move(identity)),
      config_(std::move(config)),
      told_(std::move(told)),
      backoff_(std::chrono::minutes(1), std::chrono::hours(1), std::chrono::hours(24)),
      renewed_(metrics.counter(counter_name, counter_help, {{"outcome", "renewed"}})),
      refused_(metrics.counter(counter_name, counter_help, {{"outcome", "refused"}})),
      failed_(metrics.counter(counter_name, counter_help, {{"outcome", "failed"}})) {
  metrics.gauge_from("selvedge_certificate_expiry_seconds", "Until a certificate ends.", [this] {
    return std::chrono::duration<double>(certificate_.not_after - world_.loop().wall_now()).count();
  }, {{"which", "own"}});
}

Result<std::unique_ptr<Renewal>> Renewal::create(os::World& world, base::Registry& metrics,
                                                 identity::NodeIdentity identity,
                                                 RenewalConfig config, Told told) {
  std::unique_ptr<Renewal> made(new Renewal(world, metrics, std::move(identity), std::move(config),
                                            std::move(told)));
  TRY(made->read_identity());
  made->tls_ = TRY(world.network().client_tls(made->tls_config()));
  made->client_ = std::make_unique<net::http::Client>(world, client_limits(), made->tls_);
  return made;
}

Renewal::~Renewal() {
  world_.loop().cancel(check_timer_);
  world_.loop().cancel(state_timer_);
}

Result<void> Renewal::read_identity() {
  certificate_ = TRY(crypto::read_certificate(identity_.certificate));
  due_ = identity::renew_at(certificate_, world_.random_unit());
  backoff_ = backoff_for(certificate_);
  early_ = false;
  return {};
}

os::TlsConfig Renewal::tls_config() const {
  os::TlsConfig tls;
  tls.certificate = identity_.certificate;
  tls.key = identity_.key;
  tls.trusted = identity_.authority;
  tls.tls13_only = true;
  tls.chacha20_only = config_.chacha20_only;
  tls.admit = identity::admit_cloud;
  return tls;
}

bool Renewal::has_run_out() const { return certificate_.not_after <= world_.loop().wall_now(); }

void Renewal::start() {
  if (!covers(certificate_, config_.hosts)) {
    base::log::info("identity", "the certificate does not name every host: it is renewed");
    due_ = world_.loop().wall_now();
  }
  check();
  look();
}

// The wall clock may jump, so it is looked at often instead of slept for.
void Renewal::check() {
  check_timer_ = world_.loop().after(check_every(certificate_), [this] { check(); });
  const base::Time now = world_.loop().wall_now();
  // One that begins later was made while a clock was wrong.
  const bool due = now >= due_ || now < certificate_.not_before;
  if (!renewing_ && due && world_.loop().now() >= not_before_) renew();
}

void Renewal::renew() {
  renewing_ = true;
  auto made = std::make_shared<Made>();
  made->next = identity_;
  world_.loop().work(
      lane, [made, prove = has_run_out()] { made->make(prove); },
      [this, made, living = std::weak_ptr<bool>(alive_)] {
        if (living.expired()) return;
        if (!made->outcome) return failed(made->outcome.error());
        ask(made);
      });
}

void Renewal::ask(const std::shared_ptr<Made>& made) {
  base::JsonWriter body;
  body.begin_object().field("csr", made->csr).key("hosts").begin_array();
  for (const std::string& host : config_.hosts) body.value(host);
  body.end_array();
  net::http::Client* client = client_.get();
  if (!made->proof.empty()) {
    body.field("certificate", made->next.certificate).field("proof", made->proof);
    os::TlsConfig tls = tls_config();
    tls.certificate.clear();
    tls.key.clear();
    auto context = world_.network().client_tls(tls);
    if (!context) return failed(context.error());
    bare_ = std::make_unique<net::http::Client>(world_, client_limits(), std::move(*context));
    client = bare_.get();
  }
  body.end_object();
  client->fetch({"POST", identity_.cloud_url + "/api/v1/renew",
                 {{"content-type", "application/json"}}, body.take()},
                [this, made, living = std::weak_ptr<bool>(alive_)](
                    const Result<net::http::Fetched>& answer) {
                  if (!living.expired()) answered(made, answer);
                });
}

void Renewal::answered(const std::shared_ptr<Made>& made,
                       const Result<net::http::Fetched>& answer) {
  if (!answer) return failed(answer.error());
  if (answer->status != 201) return failed(problem_of(*answer));
  const auto body = codec::json::parse(answer->body);
  if (!body) return failed(body.error());
  identity::NodeIdentity next = made->next;
  next.certificate = (*body)["certificate"].text();
  next.authority = (*body)["authority"].text(next.authority);
  const auto fits = crypto::check_pair(next.certificate, next.key);
  if (!fits) return failed(fits.error());
  adopt(std::move(next), [this] {
    renewed_.add();
    last_failure_.clear();
    base::log::info("identity", "the certificate is renewed",
                    {{"until", base::to_iso8601(certificate_.not_after)}});
  });
}

void Renewal::failed(const base::Error& why) {
  renewing_ = false;
  const base::Instant now = world_.loop().now();
  const base::Duration pause = backoff_.failed(world_.random_unit(), now);
  not_before_ = now + pause;
  last_failure_ = why.message;
  state_version_.clear();                        // what could not be written down is told again
  (why.code == Code::denied ? refused_ : failed_).add();
  base::log::error("identity", has_run_out() ? "the certificate has run out and cannot be renewed"
                                             : "the certificate cannot be renewed",
                   {{"why", why},
                    {"until", base::to_iso8601(certificate_.not_after)},
                    {"again_in", pause}});
}

// Written down first: a key that is used and then lost would lock the node out.
void Renewal::adopt(identity::NodeIdentity next, std::function<void()> then) {
  auto saved = std::make_shared<Result<void>>();
  world_.loop().work(
      lane,
      [world = &world_, saved, next, state = config_.state] {
        *saved = identity::save(*world, state, next);
      },
      [this, saved, next, then = std::move(then), living = std::weak_ptr<bool>(alive_)] {
        if (living.expired()) return;
        if (!*saved) return failed(saved->error());
        const bool another_key = next.certificate != identity_.certificate;
        identity_ = next;
        if (another_key) {
          if (const auto read = read_identity(); !read) return failed(read.error());
          renewing_ = false;
        }
        if (const auto taken = tls_->replace(tls_config()); !taken)
          base::log::error("identity", "cannot be used for TLS", {{"why", taken.error()}});
        told_.identity(identity_);
        then();
      });
}

}  // namespace selvedge::node
