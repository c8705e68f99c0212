// Join tokens and stored password hashes: what is taken must be written back the same.

#include "crypto/crypto.h"
#include "crypto/password_hash.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace base = selvedge::base;
  namespace crypto = selvedge::crypto;
  const std::string_view text = base::as_text({data, size});
  if (const auto token = crypto::parse_join_token(text)) CHECK(crypto::to_text(*token) == text);
  base::ignore(crypto::role_of(std::vector<std::string>{std::string(text)}), "any answer will do");
  if (const auto hash = crypto::parse_password_hash(text)) {
    CHECK(hash->cost.memory_bytes() <= 64 << 20);
    // Only cheap ones are worked out, or the search would do nothing else.
    if (hash->cost.memory_bytes() < 1 << 14) CHECK(crypto::check_password("x", text).has_value());
  }
  return 0;
}
