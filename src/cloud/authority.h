// Authority: the cloud's certificate authority and the certificates it issues.
//
// Made at first start, kept in <state>/identity: ca.crt, ca.key, cloud.crt, cloud.key, and the first
// operator's operator.crt, operator.key. Creating is compare-and-set: what is there is used, never
// replaced, and files that do not fit together stop the start (Code::corrupt) instead of being
// written over. The cloud's own certificate is made anew when its hosts changed or it nears its end.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "crypto/crypto.h"
#include "os/world.h"

namespace selvedge::cloud {

class Authority {
 public:
  static base::Result<std::unique_ptr<Authority>> open(os::World& world, std::string_view state,
                                                       const std::vector<std::string>& hosts,
                                                       base::Duration operator_valid);

  const std::string& certificate() const { return authority_.certificate; }
  const std::string& cloud_certificate() const { return cloud_certificate_; }
  const std::string& cloud_key() const { return cloud_key_; }
  const crypto::Digest& fingerprint() const { return fingerprint_; }

  // A certificate for the key of `csr`.
  base::Result<std::string> issue(std::string_view csr, crypto::Role role, std::string_view name,
                                  const std::vector<std::string>& hosts, base::Duration valid) const;

 private:
  explicit Authority(os::World& world) : world_(world) {}
  base::Result<void> load_or_make(os::Dir& dir);
  base::Result<void> load_or_make_own(os::Dir& dir, const std::vector<std::string>& hosts);
  base::Result<void> make_operator_once(os::Dir& dir, base::Duration valid);

  os::World& world_;
  crypto::Authority authority_;
  crypto::Digest fingerprint_{};
  std::string cloud_certificate_, cloud_key_;
};

}  // namespace selvedge::cloud
