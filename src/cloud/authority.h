// Authority: the cloud's certificate authorities and the certificates they issue.
//
// Made at first start, kept in <state>/identity (authority_files.h), beside the cloud's own pair
// (cloud.crt, cloud.key) and the first operator's (operator.crt, operator.key). What is there is
// used, never replaced, and files that do not fit together stop the start (Code::corrupt).
//
// A rotation has phases, each begun by tick() when it may or by an operator when he says so:
//   announce  a new authority is made and trusted; the old one still signs, so that every node has
//             heard of the new one before it meets a certificate of it
//   switch    the new one signs; the old one stays trusted, and nodes renew early
//   retire    the old one is trusted no more: every certificate of it was renewed, revoked or ended
// The cloud's own certificate is always of the oldest authority that is trusted, so that a node that
// was offline all the while still knows it. A wall clock that jumped moves nothing for an hour.
// Loop thread. Small files are written at once; they change a few times a year.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "cloud/authority_files.h"
#include "cloud/authority_ledger.h"
#include "crypto/crypto.h"
#include "os/world.h"

namespace selvedge::cloud {

constexpr base::Duration authority_day = std::chrono::hours(24);

struct AuthorityOptions {
  std::string state;
  std::vector<std::string> hosts;                      // of the cloud's own certificate
  base::Duration operator_valid = 365 * authority_day;
  base::Duration cloud_valid = 365 * authority_day;
  base::Duration valid = 3650 * authority_day;         // of an authority
  base::Duration node_grace = 30 * authority_day;
  base::Duration announce = authority_day;             // at most, for nodes that are offline
  std::string key;                                     // URI; "": a file
};

struct CertificateOrder {
  std::string csr;                                     // PEM
  crypto::Role role{};
  std::string name;
  std::vector<std::string> hosts;
  base::Duration valid{};
};

struct Issued {
  std::string certificate;
  crypto::CertificateInfo info;
};

class Authority {
 public:
  static base::Result<std::unique_ptr<Authority>> open(os::World& world, AuthorityOptions options);

  // Every authority that is trusted, oldest first, and a name for exactly these.
  const std::string& trust() const { return trust_; }
  const std::string& trust_version() const { return trust_version_; }
  // The one the cloud's own certificate is of; join tokens pin it.
  const std::string& certificate() const { return generations_.front().pair.certificate; }
  const crypto::Digest& fingerprint() const { return fingerprint_; }
  const std::string& signing_certificate() const { return active().pair.certificate; }
  const std::string& cloud_certificate() const { return cloud_certificate_; }
  const std::string& cloud_key() const { return cloud_key_; }
  const crypto::CertificateInfo& own() const { return own_.info; }
  const crypto::CertificateInfo& newest() const { return generations_.back().info; }
  const AuthorityOptions& options() const { return options_; }
  AuthorityLedger& ledger() { return *ledger_; }
  const AuthorityLedger& ledger() const { return *ledger_; }

  // A certificate by the active authority; `done` when it is on record, never given out before.
  void certify(const CertificateOrder& order, std::function<void(base::Result<Issued>)> done);
  // One that was issued before there was a record of them.
  void adopt(IssuedCertificate known);
  // The generation that signed it; Code::denied if none that is trusted did.
  base::Result<std::uint32_t> generation_of(std::string_view certificate) const;

  // Code::conflict while another rotation is under way. `key_uri` "": makes a key in a file.
  base::Result<void> rotate(const std::string& key_uri);
  // The next phase now, ready or not.
  base::Result<void> advance();
  // A node says which authorities it trusts.
  void confirm(const std::string& node, const std::string& trust_version);
  // Makes the cloud's own certificate anew if these are others than it names.
  base::Result<void> set_hosts(std::vector<std::string> hosts);

  // What time brings: renews the cloud's own and the first operator's certificate, moves a
  // rotation on. True if the listeners need to take keys and trust anew.
  base::Result<bool> tick();

  struct Status {
    std::vector<AuthorityGeneration> generations;      // without keys
    std::size_t nodes = 0, nodes_unaware = 0;          // with certificates; that have not confirmed
    std::vector<IssuedCertificate> holders;            // of certificates by a retiring one
    crypto::CertificateInfo own;
  };
  Status status() const;

 private:
  Authority(os::World& world, AuthorityOptions options)
      : world_(world), options_(std::move(options)) {}

  const AuthorityGeneration& active() const;
  base::Result<std::string> sign(const AuthorityGeneration& by, const CertificateOrder& order) const;
  base::Result<void> load_or_make_own();
  base::Result<void> make_own();
  base::Result<void> load_operator();
  base::Result<void> renew_operator();
  bool own_stands() const;
  bool operator_stands() const;
  base::Result<bool> move_rotation_on();
  void take_trust();
  bool clock_is_steady();
  std::vector<IssuedCertificate> nodes(base::Time now) const;
  base::Time now() const { return world_.loop().wall_now(); }

  os::World& world_;
  AuthorityOptions options_;
  std::unique_ptr<os::Dir> dir_;
  std::unique_ptr<AuthorityLedger> ledger_;
  std::vector<AuthorityGeneration> generations_;       // oldest first; one is active
  std::string trust_, trust_version_;
  crypto::Digest fingerprint_{};
  std::string cloud_certificate_, cloud_key_;
  // One of these two, and by which generation it is; 0: by none that is trusted.
  struct Standing {
    crypto::CertificateInfo info;
    std::uint32_t signer = 0;
    double jitter = 0;
  };
  Standing own_, operator_;
  std::map<std::string, std::string> confirmed_;       // node to trust version
  base::Time last_wall_{};
  base::Instant last_tick_{}, steady_since_{};
};

}  // namespace selvedge::cloud
