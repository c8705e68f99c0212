#include <openssl/evp.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "crypto/openssl.h"
#include "crypto/password_hash.h"

namespace selvedge::crypto {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t salt_bytes = 16;
constexpr std::size_t max_password_bytes = 1024;
constexpr std::uint64_t max_memory_bytes = 64 << 20;

std::unexpected<base::Error> malformed(std::string_view why) {
  std::string message = "read password hash: ";
  message += why;
  return base::fail(base::Code::invalid_input, std::move(message));
}

base::Result<base::Bytes> derive(std::string_view password, base::BytesView salt,
                                 const ScryptCost& cost) {
  const ErrorScope scope;
  base::Bytes key(key_bytes);
  // OpenSSL counts its own working buffers as well; twice the table is enough for any r and p here.
  if (EVP_PBE_scrypt(password.data(), password.size(), salt.data(), salt.size(),
                     1ULL << cost.log2_n, cost.r, cost.p, cost.memory_bytes() * 2 + (1 << 20),
                     key.data(), key.size()) != 1) {
    return openssl_failed(base::Code::internal, "hash password");
  }
  return key;
}

// A decimal number from `low` to `high` without sign or leading zeros.
base::Result<std::uint32_t> parse_cost(std::string_view text, std::uint32_t low,
                                       std::uint32_t high) {
  std::uint32_t value = 0;
  if (text.empty() || text.size() > 2 || text.front() == '0')
    return malformed("a cost is no number");
  for (const char c : text) {
    if (c < '0' || c > '9') return malformed("a cost is no number");
    value = value * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (value < low || value > high) {
    return malformed("a cost of " + std::to_string(value) + " is outside " + std::to_string(low) +
                     " to " + std::to_string(high));
  }
  return value;
}

}  // namespace

base::Result<PasswordHash> parse_password_hash(std::string_view text) {
  if (text.size() > 512) return malformed("longer than 512 bytes");
  std::array<std::string_view, 6> fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::size_t end = text.find('$');
    if ((end == std::string_view::npos) != (i + 1 == fields.size())) {
      return malformed("it does not consist of six fields");
    }
    fields[i] = text.substr(0, end);
    if (end != std::string_view::npos) text.remove_prefix(end + 1);
  }
  if (fields[0] != "scrypt") return malformed("not of the kind \"scrypt\"");
  PasswordHash hash;
  hash.cost.log2_n = TRY(parse_cost(fields[1], 1, 20));
  hash.cost.r = TRY(parse_cost(fields[2], 1, 32));
  hash.cost.p = TRY(parse_cost(fields[3], 1, 4));
  if (hash.cost.memory_bytes() > max_memory_bytes) {
    return malformed("it asks for " + base::size_text(hash.cost.memory_bytes()) +
                     " of memory; 64MiB are allowed");
  }
  // RFC 7914 section 6: N must be below 2^(128 r / 8), which only bites at r = 1.
  if (hash.cost.log2_n >= 16 * hash.cost.r) return malformed("its costs do not go together");
  hash.salt = TRY(while_doing("read password hash: salt", base::from_hex(fields[4])));
  hash.key = TRY(while_doing("read password hash: key", base::from_hex(fields[5])));
  if (hash.salt.size() < 8 || hash.salt.size() > 64) return malformed("a salt has 8 to 64 bytes");
  if (hash.key.size() != key_bytes) return malformed("a key has 32 bytes");
  return hash;
}

base::Result<std::string> hash_password(std::string_view password) {
  if (password.empty() || password.size() > max_password_bytes) {
    return base::fail(base::Code::invalid_input, "hash password: a password has 1 to 1024 bytes");
  }
  const ScryptCost cost;
  std::array<std::uint8_t, salt_bytes> salt;
  random(salt);
  const base::Bytes key = TRY(derive(password, salt, cost));
  return "scrypt$" + std::to_string(cost.log2_n) + "$" + std::to_string(cost.r) + "$" +
         std::to_string(cost.p) + "$" + base::to_hex(salt) + "$" + base::to_hex(key);
}

base::Result<bool> check_password(std::string_view password, std::string_view hash) {
  const PasswordHash expected = TRY(parse_password_hash(hash));
  if (password.size() > max_password_bytes) return false;
  const base::Bytes key = TRY(derive(password, expected.salt, expected.cost));
  return equal_in_constant_time(key, expected.key);
}

}  // namespace selvedge::crypto
