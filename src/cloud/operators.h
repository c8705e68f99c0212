// Operators: the people and programs that may ask the cloud things, their roles and their tokens.
//
// An operator shows a certificate of the fleet with the role "operator", or a token. A certificate
// whose name is not listed here is an admin's, as the first operator's is; a name that is listed has
// the role it is listed with, and none once it is revoked.
//
// A token is "slv_<id>_<secret>" with 256 random bits of secret, and is shown once, when it is made.
// What is kept is SHA-256 of the secret: of that many random bits nobody finds the secret by trying,
// so a slow hash as for passwords would cost every request milliseconds and add nothing. Digests are
// compared in constant time. Tokens expire, and go with their operator.
//
// Kept in <state>/operators.json (0600), replaced whole at each change, which is a few times a year.
// At most 1,000 operators with 16 tokens each. Loop thread.

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "net/api/access.h"
#include "os/world.h"

namespace selvedge::cloud {

struct OperatorToken {
  std::string id, digest;                // digest: SHA-256 of the secret, hex
  base::Time added_at{}, expires{};
};

struct Operator {
  std::string name;
  net::api::Right right = net::api::Right::view;
  bool revoked = false;
  base::Time added_at{};
  std::vector<OperatorToken> tokens;
};

class Operators {
 public:
  static base::Result<std::unique_ptr<Operators>> open(os::World& world, std::string_view state);

  // A new operator, or a new role for one; a revoked one is one again. With `valid` also a token.
  struct Added {
    std::string token;                   // "" without `valid`
    base::Time expires{};
  };
  base::Result<Added> add(std::string_view name, net::api::Right right,
                          std::optional<base::Duration> valid);
  // The operator with its tokens and certificates, or one of its tokens only.
  base::Result<void> revoke(std::string_view name);
  base::Result<void> revoke_token(std::string_view name, std::string_view id);

  // Of the holder of a certificate. Code::denied if revoked.
  base::Result<net::api::Right> right_of(std::string_view name) const;
  // Whose token this is. Code::denied, with the same words whatever is wrong with it.
  base::Result<net::api::Caller> check(std::string_view token) const;

  const Operator* find(std::string_view name) const;
  std::vector<const Operator*> list() const;   // by name

 private:
  explicit Operators(os::World& world) : world_(world) {}
  base::Result<void> load(std::string_view text);
  base::Result<void> save();
  std::string random_hex(std::size_t bytes);

  os::World& world_;
  std::unique_ptr<os::Dir> dir_;
  std::map<std::string, Operator, std::less<>> operators_;
};

inline constexpr std::string_view token_prefix = "slv_";

// {"name", "role", "revoked", "added_at", "tokens": [{"id", "added_at", "expires"}]}
std::string operator_json(const Operator& of);

}  // namespace selvedge::cloud
