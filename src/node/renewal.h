// Renewal: keeps the node's certificate from running out, and what it trusts up to date.
//
// At two thirds of the certificate's life, with jitter (identity/renewal.h), it makes a new key here,
// has the cloud certify it, writes both down as the node's identity and hands them on; earlier if
// another authority signs by now, or the node has got other hosts. A try that fails is repeated
// with growing pauses. With a certificate that has run out it proves that it holds the old key
// instead. Beside that it asks for what to trust and which serials are revoked: when told that
// something changed (look()), and each `poll`.
//
// A key behind a provider stays: the new certificate is for the same one. Loop thread; keys, files
// and signatures are made in the pool.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/metrics.h"
#include "crypto/crypto.h"
#include "identity/identity.h"
#include "net/http/http.h"
#include "os/world.h"

namespace selvedge::node {

struct RenewalConfig {
  std::string state;                             // directory
  std::vector<std::string> hosts;                // to be named in the certificate
  base::Duration poll = std::chrono::minutes(5);
  bool chacha20_only = false;
};

class Renewal {
 public:
  struct Told {
    // Another key, certificate or trust: connections from now on use it.
    std::function<void(const identity::NodeIdentity&)> identity;
    // The serials that count no more, all of them.
    std::function<void(const std::vector<std::string>&)> revoked;
  };

  // Code::invalid_input if the identity cannot be used for TLS.
  static base::Result<std::unique_ptr<Renewal>> create(os::World& world, base::Registry& metrics,
                                                       identity::NodeIdentity identity,
                                                       RenewalConfig config, Told told);
  ~Renewal();

  void start();
  void look();                                   // asks the cloud soon

  const crypto::CertificateInfo& certificate() const { return certificate_; }
  base::Time due() const { return due_; }
  const std::string& last_failure() const { return last_failure_; }   // "" after a success

 private:
  struct Made;                                   // in the pool, for one renewal

  Renewal(os::World& world, base::Registry& metrics, identity::NodeIdentity identity,
          RenewalConfig config, Told told);
  base::Result<void> read_identity();
  os::TlsConfig tls_config() const;
  bool has_run_out() const;

  void check();                                  // each check_every
  void renew();
  void ask(const std::shared_ptr<Made>& made);
  void answered(const std::shared_ptr<Made>& made, const base::Result<net::http::Fetched>& answer);
  void failed(const base::Error& why);

  void fetch_state();
  void take_state(const base::Result<net::http::Fetched>& answer);
  void take_revoked(std::vector<std::string> serials);
  void adopt(identity::NodeIdentity next, std::function<void()> then);
  void renew_early();

  os::World& world_;
  identity::NodeIdentity identity_;
  RenewalConfig config_;
  Told told_;
  crypto::CertificateInfo certificate_;
  std::shared_ptr<os::Tls> tls_;
  std::unique_ptr<net::http::Client> client_;
  // For a certificate that has run out: trusts the cloud, shows nothing.
  std::unique_ptr<net::http::Client> bare_;

  base::Time due_{};
  base::Backoff backoff_;
  base::Instant not_before_{};                   // of the next try after one that failed
  bool renewing_ = false, asking_ = false, look_again_ = false, early_ = false;
  std::string state_version_, last_failure_;
  std::vector<std::string> revoked_;
  os::TimerId check_timer_{}, state_timer_{};
  base::Counter& renewed_;
  base::Counter& refused_;
  base::Counter& failed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace selvedge::node
