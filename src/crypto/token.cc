#include "base/text.h"
#include "crypto/crypto.h"

namespace selvedge::crypto {
namespace {

constexpr std::size_t id_bytes = 8;
constexpr std::size_t secret_bytes = 16;

// Only lower-case, so that a token has one spelling and its digest is that of what was made.
bool is_lower_hex(std::string_view text, std::size_t bytes) {
  if (text.size() != 2 * bytes) return false;
  for (const char c : text) {
    if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
  }
  return true;
}

template <std::size_t count>
std::string random_hex() {
  std::array<std::uint8_t, count> bytes;
  random(bytes);
  return base::to_hex(bytes);
}

}  // namespace

JoinToken make_join_token(const Digest& authority) {
  return {
      .id = random_hex<id_bytes>(), .secret = random_hex<secret_bytes>(), .authority = authority};
}

std::string to_text(const JoinToken& token) {
  return token.id + "." + token.secret + "." + base::to_hex(token.authority);
}

// The text is not repeated in the error: it may be a secret that was only mistyped.
base::Result<JoinToken> parse_join_token(std::string_view text) {
  const std::size_t first = text.find('.');
  const std::size_t second = first == std::string_view::npos ? first : text.find('.', first + 1);
  if (second == std::string_view::npos) {
    return base::fail(base::Code::invalid_input,
                      "read join token: it is not <id>.<secret>.<fingerprint>");
  }
  JoinToken token;
  token.id = text.substr(0, first);
  token.secret = text.substr(first + 1, second - first - 1);
  const std::string_view authority = text.substr(second + 1);
  if (!is_lower_hex(token.id, id_bytes) || !is_lower_hex(token.secret, secret_bytes) ||
      !is_lower_hex(authority, token.authority.size())) {
    return base::fail(base::Code::invalid_input,
                      "read join token: a part of it is cut short or mistyped");
  }
  const base::Bytes digest = TRY(base::from_hex(authority));
  std::copy(digest.begin(), digest.end(), token.authority.begin());
  return token;
}

std::string secret_digest(std::string_view secret) {
  return base::to_hex(sha256(base::as_bytes(secret)));
}

}  // namespace selvedge::crypto
