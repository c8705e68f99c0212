// Keyring: a directory of an operator's signing keys and the keys documents they signed.
//
//   <dir>/<what>-<id>.key   private keys, mode 0600: PEM, or a line with a pkcs11: or store: URI
//   <dir>/keys.json         the newest keys document, signed
//   <dir>/keys-<N>.json     each version, for whoever has to catch up
//
// Private keys are made here and never leave. What is written goes through a temporary file, so that
// an interruption leaves the old or the new one.

#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "codec/artifact/envelope.h"
#include "crypto/signature.h"
#include "model/keys_document.h"
#include "os/world.h"

namespace selvedge::cli {

class Keyring {
 public:
  // Keys and documents in `path`. Code::not_found with how to begin if there is no keys document.
  static base::Result<Keyring> open(os::World& world, const std::string& path);
  // A new, empty one. Code::conflict if keys are there already.
  static base::Result<Keyring> create(os::World& world, const std::string& path);

  // Makes a key, keeps it as `<what>-<id>.key`, and says its id.
  base::Result<std::string> make_key(std::string_view what, crypto::KeyKind kind);
  // The public key of one that is here or in the document.
  base::Result<base::Bytes> public_key(const std::string& id) const;
  bool holds(const std::string& id) const { return keys_.contains(id); }

  const model::KeysDocument& document() const { return document_; }
  std::string path() const { return dir_->path(); }
  const std::string& envelope() const { return envelope_; }
  // The signed document of that version. Code::not_found if it is not here.
  base::Result<std::string> version(std::uint64_t number) const;

  // Signs with the root keys that are here, of the present document and of the next, and makes it the
  // newest. Code::denied: too few of them are here.
  base::Result<void> publish(model::KeysDocument next);
  // Adds to `envelope` a signature by each key here that `role` names; says how many there are then.
  base::Result<std::size_t> sign(codec::artifact::Envelope& envelope,
                                 const model::SignerRole& role) const;

 private:
  struct Key {
    crypto::PrivateKey secret;
    base::Bytes der;
  };

  explicit Keyring(std::unique_ptr<os::Dir> dir) : dir_(std::move(dir)) {}
  base::Result<void> load_keys();
  base::Result<void> add(std::string_view file, std::string_view text);

  std::unique_ptr<os::Dir> dir_;
  std::map<std::string, Key> keys_;
  model::KeysDocument document_;
  std::string envelope_;
};

// The role that signs artifacts of this kind; null: nobody may.
const model::SignerRole* signers_for(const model::KeysDocument& document, const std::string& kind);

}  // namespace selvedge::cli
