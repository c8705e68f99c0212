// The authority's files: keys and certificates by generation, and which generation does what.
//
//   ca-<n>.key, ca-<n>.crt   of generation n; made once, never written over
//   authorities              a line for each that is trusted: "<n> <phase> <since> [key URI]"
//   ca.crt                   what to trust: all of them, oldest first; written anew at each change
//
// Making a key or a certificate is compare-and-set (os::create_file): of several processes that
// start at once on one directory, all use what the first of them made. A key without a certificate
// is a first start that was cut off; a certificate without its key stops the start (Code::corrupt).

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/crypto.h"
#include "os/files.h"

namespace selvedge::cloud {

// How a generation comes and goes: it is announced (trusted, signs nothing), active (signs), retiring
// (trusted, signs nothing but the cloud's own certificate), and then gone.
enum class AuthorityPhase : std::uint8_t { announced, active, retiring };
std::string_view name(AuthorityPhase phase);

struct AuthorityGeneration {
  std::uint32_t number = 1;
  AuthorityPhase phase = AuthorityPhase::active;
  base::Time since{};                      // of the phase
  std::string key_uri;                     // "" if the key is in ca-<n>.key
  crypto::Authority pair;
  crypto::CertificateInfo info;
};

struct NewAuthority {
  base::Time now{};
  base::Duration valid{};
  std::string key_uri;                     // "": make a key
};

// All trusted generations, oldest first; makes the first one if there is none.
base::Result<std::vector<AuthorityGeneration>> load_authorities(os::Dir& dir,
                                                                const NewAuthority& first);
// Makes generation `number`, or takes what is there already.
base::Result<AuthorityGeneration> make_generation(os::Dir& dir, std::uint32_t number,
                                                  const NewAuthority& with);
// Writes down which there are; from then on that is so.
base::Result<void> save_authorities(os::Dir& dir, const std::vector<AuthorityGeneration>& all);
std::string bundle_of(const std::vector<AuthorityGeneration>& all);

// The file's text, or "" if it does not exist.
base::Result<std::string> read_optional(os::Dir& dir, std::string_view name);
// The private file's text, made by `make` if it does not exist; the text of whoever was first.
base::Result<std::string> read_or_create(os::Dir& dir, const std::string& name, os::Open how,
                                         const std::function<base::Result<std::string>()>& make);

}  // namespace selvedge::cloud
