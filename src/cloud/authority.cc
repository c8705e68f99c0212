#include "cloud/authority.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "crypto/est.h"
#include "identity/renewal.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;

namespace {

bool covers(const crypto::CertificateInfo& info, const std::vector<std::string>& hosts) {
  return std::ranges::all_of(hosts, [&](const std::string& host) {
    return std::ranges::find(info.dns_names, host) != info.dns_names.end() ||
           std::ranges::find(info.addresses, host) != info.addresses.end();
  });
}

// One that begins later was made while the clock was ahead.
bool is_due(const crypto::CertificateInfo& info, double jitter, base::Time now) {
  return identity::renew_at(info, jitter) <= now || info.not_before > now;
}

IssuedCertificate entry_of(const crypto::CertificateInfo& info, crypto::Role role,
                           std::string name, std::uint32_t generation) {
  return {info.serial, role, std::move(name), generation, info.not_after, {}};
}

}  // namespace

Result<std::unique_ptr<Authority>> Authority::open(os::World& world, AuthorityOptions options) {
  std::unique_ptr<Authority> made(new Authority(world, std::move(options)));
  Authority& a = *made;
  a.dir_ = TRY(world.directory(a.options_.state + "/identity", true));
  a.generations_ = TRY(base::while_doing(
      "certificate authority",
      load_authorities(*a.dir_, {a.now(), a.options_.valid, a.options_.key})));
  a.ledger_ = TRY(AuthorityLedger::open(world, *a.dir_, a.options_.node_grace + authority_day));
  a.own_.jitter = world.random_unit();
  a.operator_.jitter = world.random_unit();
  a.take_trust();
  TRY(base::while_doing("cloud certificate", a.load_or_make_own()));
  TRY(base::while_doing("operator certificate", a.load_operator()));
  a.last_wall_ = a.now();
  a.last_tick_ = a.steady_since_ = world.loop().now();
  return made;
}

const AuthorityGeneration& Authority::active() const {
  return *std::ranges::find(generations_, AuthorityPhase::active, &AuthorityGeneration::phase);
}

void Authority::take_trust() {
  trust_ = bundle_of(generations_);
  trust_version_ = base::to_hex(crypto::sha256(base::as_bytes(trust_))).substr(0, 16);
  // It was read before: it has a fingerprint.
  fingerprint_ = crypto::fingerprint(certificate()).value_or(crypto::Digest{});
}

Result<std::string> Authority::sign(const AuthorityGeneration& by,
                                    const CertificateOrder& order) const {
  crypto::CertificateRequest request;
  request.role = order.role;
  request.name = order.name;
  request.hosts = order.hosts;
  request.not_before = now();
  request.valid = order.valid;
  return crypto::issue(by.pair, order.csr, request);
}

void Authority::certify(const CertificateOrder& order,
                        std::function<void(Result<Issued>)> done) {
  auto certificate = sign(active(), order);
  if (!certificate) return done(std::unexpected(certificate.error()));
  auto info = crypto::read_certificate(*certificate);
  if (!info) return done(std::unexpected(info.error()));
  Issued issued{std::move(*certificate), std::move(*info)};
  IssuedCertificate entry = entry_of(issued.info, order.role, order.name, active().number);
  ledger_->record(std::move(entry), [issued = std::move(issued),
                                     done = std::move(done)](const Result<void>& recorded) {
    if (!recorded) return done(std::unexpected(recorded.error()));
    base::log::info("identity", "certificate issued",
                    {{"for", issued.info.uris.empty() ? "" : issued.info.uris.front()},
                     {"serial", issued.info.serial},
                     {"until", base::to_iso8601(issued.info.not_after)}});
    done(issued);
  });
}

void Authority::adopt(IssuedCertificate known) {
  if (known.serial.empty() || ledger_->find(known.serial) != nullptr) return;
  known.generation = generations_.front().number;
  if (known.revoked_at.ns != 0 || ledger_->is_revoked(known.serial)) return;
  ledger_->record(std::move(known), [](const Result<void>&) {});
}

Result<std::uint32_t> Authority::generation_of(std::string_view certificate) const {
  const std::size_t at = TRY(crypto::issuer_of(certificate, trust_));
  return generations_[at].number;
}

// ---- its own certificates

bool Authority::own_stands() const {
  return own_.signer == generations_.front().number && covers(own_.info, options_.hosts) &&
         !is_due(own_.info, own_.jitter, now());
}

bool Authority::operator_stands() const {
  return operator_.signer == active().number && !is_due(operator_.info, operator_.jitter, now());
}

Result<void> Authority::load_or_make_own() {
  cloud_certificate_ = TRY(read_optional(*dir_, "cloud.crt"));
  cloud_key_ = TRY(read_optional(*dir_, "cloud.key"));
  if (cloud_certificate_.empty() || cloud_key_.empty() ||
      !crypto::check_pair(cloud_certificate_, cloud_key_))
    return make_own();
  own_.info = TRY(crypto::read_certificate(cloud_certificate_));
  own_.signer = generation_of(cloud_certificate_).value_or(0);
  return own_stands() ? Result<void>() : make_own();
}

// A crash between the two files leaves a pair that does not fit, and it is made again.
Result<void> Authority::make_own() {
  const AuthorityGeneration& by = generations_.front();
  const std::string key = TRY(crypto::make_key());
  const std::string certificate =
      TRY(base::while_doing("setting hosts",
                            sign(by, {TRY(crypto::make_csr(key, "cloud")), crypto::Role::cloud,
                                      "cloud", options_.hosts, options_.cloud_valid})));
  const auto info = TRY(crypto::read_certificate(certificate));
  TRY(ledger_->record_now(entry_of(info, crypto::Role::cloud, "cloud", by.number)));
  TRY(os::write_file(*dir_, "cloud.key", base::as_bytes(key), os::Open::create_private));
  TRY(os::write_file(*dir_, "cloud.crt", base::as_bytes(certificate)));
  cloud_key_ = key;
  cloud_certificate_ = certificate;
  own_ = {info, by.number, world_.random_unit()};
  base::log::info("identity", "made the cloud's certificate",
                  {{"until", base::to_iso8601(info.not_after)}});
  return {};
}

Result<void> Authority::load_operator() {
  const std::string certificate = TRY(read_optional(*dir_, "operator.crt"));
  if (certificate.empty()) return renew_operator();
  operator_.info = TRY(crypto::read_certificate(certificate));
  operator_.signer = generation_of(certificate).value_or(0);
  return operator_stands() ? Result<void>() : renew_operator();
}

// For the key that is there: one file changes, and programs that hold the key go on.
Result<void> Authority::renew_operator() {
  const bool is_first = operator_.info.serial.empty();
  std::string key = TRY(read_optional(*dir_, "operator.key"));
  // Taken away on purpose, perhaps to where operators are; or not to be trusted any more.
  if (!is_first && (key.empty() || ledger_->is_revoked(operator_.info.serial))) return {};
  key = TRY(read_or_create(*dir_, "operator.key", os::Open::create_private, crypto::make_key));
  const std::string certificate =
      TRY(sign(active(), {TRY(crypto::make_csr(key, "operator")), crypto::Role::operator_,
                          "operator", {}, options_.operator_valid}));
  const auto info = TRY(crypto::read_certificate(certificate));
  TRY(ledger_->record_now(
      entry_of(info, crypto::Role::operator_, "operator", active().number)));
  TRY(os::write_file(*dir_, "operator.crt", base::as_bytes(certificate)));
  operator_ = {info, active().number, world_.random_unit()};
  base::log::info("identity", "made the first operator's certificate", {{"in", dir_->path()}});
  return {};
}

Result<void> Authority::set_hosts(std::vector<std::string> hosts) {
  options_.hosts = std::move(hosts);
  return own_stands() ? Result<void>() : make_own();
}

Result<bool> Authority::tick() {
  bool changed = TRY(move_rotation_on());
  if (!own_stands()) {
    TRY(base::while_doing("cloud certificate", make_own()));
    changed = true;
  }
  if (!operator_stands()) TRY(base::while_doing("operator certificate", renew_operator()));
  return changed;
}

}  // namespace selvedge::cloud
