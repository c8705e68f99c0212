#include "cloud/operators.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"
#include "crypto/crypto.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using net::api::Caller;
using net::api::Right;

namespace {

constexpr std::string_view file_name = "operators.json";
constexpr std::uint64_t file_limit = 16 << 20;
constexpr std::size_t most_operators = 1'000, most_tokens = 16;
constexpr std::size_t id_bytes = 6, secret_bytes = 32;
constexpr base::Duration longest_token = std::chrono::hours(24 * 3660);

std::string digest_of(std::string_view secret) {
  return base::to_hex(crypto::sha256(base::as_bytes(secret)));
}

Result<base::Time> time_in(const codec::json::Value& value, std::string_view key) {
  return base::while_doing(key, base::parse_time(value[key].text()));
}

void write(base::JsonWriter& json, const Operator& of, bool with_digests) {
  json.begin_object()
      .field("name", of.name)
      .field("role", net::api::name(of.right))
      .field("revoked", of.revoked)
      .field("added_at", base::to_iso8601(of.added_at))
      .key("tokens")
      .begin_array();
  for (const OperatorToken& token : of.tokens) {
    json.begin_object().field("id", token.id);
    if (with_digests) json.field("digest", token.digest);
    json.field("added_at", base::to_iso8601(token.added_at))
        .field("expires", base::to_iso8601(token.expires))
        .end_object();
  }
  json.end_array().end_object();
}

}  // namespace

std::string operator_json(const Operator& of) {
  base::JsonWriter json;
  write(json, of, false);
  return json.take();
}

Result<std::unique_ptr<Operators>> Operators::open(os::World& world, std::string_view state) {
  std::unique_ptr<Operators> made(new Operators(world));
  made->dir_ = TRY(world.directory(state, true));
  const auto bytes = os::read_file(*made->dir_, file_name, file_limit);
  if (!bytes && bytes.error().code == Code::not_found) return made;
  if (!bytes) return std::unexpected(bytes.error());
  TRY(base::while_doing(file_name, made->load(base::as_text(*bytes))));
  return made;
}

Result<void> Operators::load(std::string_view text) {
  const auto value = codec::json::parse(text, file_limit);
  if (!value) return base::fail(Code::corrupt, value.error().message);
  for (const auto& entry : (*value)["operators"].array()) {
    Operator of;
    of.name = entry["name"].text();
    if (!crypto::is_name(of.name)) return base::fail(Code::corrupt, "an operator has no name");
    of.right = TRY(net::api::parse_right(entry["role"].text()));
    of.revoked = entry["revoked"].boolean(true);
    of.added_at = TRY(time_in(entry, "added_at"));
    for (const auto& each : entry["tokens"].array()) {
      OperatorToken token{each["id"].text(), each["digest"].text(), TRY(time_in(each, "added_at")),
                          TRY(time_in(each, "expires"))};
      if (token.digest.size() != 2 * crypto::Digest().size())
        return base::fail(Code::corrupt, "a token of '" + of.name + "' has no digest");
      of.tokens.push_back(std::move(token));
    }
    operators_.insert_or_assign(of.name, std::move(of));
  }
  return {};
}

Result<void> Operators::save() {
  base::JsonWriter json;
  json.begin_object().key("operators").begin_array();
  for (const auto& [name, of] : operators_) write(json, of, true);
  json.end_array().end_object();
  return os::write_file(*dir_, file_name, base::as_bytes(json.text()), os::Open::create_private);
}

std::string Operators::random_hex(std::size_t bytes) {
  base::Bytes random(bytes);
  world_.entropy(random);
  return base::to_hex(random);
}

Result<Operators::Added> Operators::add(std::string_view name, Right right,
                                        std::optional<base::Duration> valid) {
  if (!crypto::is_name(name))
    return base::fail(Code::invalid_input, "operator name '" + base::printable(name) +
                                               "': expected 1 to 64 of letters, digits, '.', '_', '-'");
  if (valid && (*valid <= base::Duration::zero() || *valid > longest_token))
    return base::fail(Code::invalid_input, "valid: expected more than nothing and at most ten years");
  const base::Time now = world_.loop().wall_now();
  const auto old = operators_;
  if (!operators_.contains(name) && operators_.size() >= most_operators)
    return base::fail(Code::exhausted, "there are 1000 operators already");
  Operator& of = operators_[std::string(name)];
  if (of.name.empty()) of.added_at = now;
  of.name = name;
  of.right = right;
  of.revoked = false;
  std::erase_if(of.tokens, [&](const OperatorToken& token) { return token.expires <= now; });
  Added added;
  if (valid) {
    if (of.tokens.size() >= most_tokens) {
      operators_ = old;
      return base::fail(Code::exhausted, "'" + std::string(name) + "' has 16 tokens: revoke one");
    }
    const std::string id = random_hex(id_bytes), secret = random_hex(secret_bytes);
    added.token = std::string(token_prefix) + id + "_" + secret;
    added.expires = now + *valid;
    of.tokens.push_back({id, digest_of(secret), now, added.expires});
  }
  if (auto saved = save(); !saved) {
    operators_ = old;
    return std::unexpected(std::move(saved).error());
  }
  return added;
}

Result<void> Operators::revoke(std::string_view name) {
  if (!crypto::is_name(name))
    return base::fail(Code::invalid_input, "'" + base::printable(name) + "' is no operator's name");
  const auto old = operators_;
  // A name that is not listed may be in a certificate: listing it revoked is what stops that.
  if (!operators_.contains(name) && operators_.size() >= most_operators)
    return base::fail(Code::exhausted, "there are 1000 operators already");
  Operator& of = operators_[std::string(name)];
  if (of.name.empty()) of.added_at = world_.loop().wall_now();
  of.name = name;
  of.revoked = true;
  of.tokens.clear();
  auto saved = save();
  if (!saved) operators_ = old;
  return saved;
}

Result<void> Operators::revoke_token(std::string_view name, std::string_view id) {
  const auto found = operators_.find(name);
  if (found == operators_.end())
    return base::fail(Code::not_found, "operator '" + base::printable(name) + "' is unknown");
  auto& tokens = found->second.tokens;
  const auto at = std::ranges::find(tokens, id, &OperatorToken::id);
  if (at == tokens.end())
    return base::fail(Code::not_found, "'" + std::string(name) + "' has no token " + base::printable(id));
  const auto old = tokens;
  tokens.erase(at);
  auto saved = save();
  if (!saved) tokens = old;
  return saved;
}

Result<Right> Operators::right_of(std::string_view name) const {
  const Operator* const of = find(name);
  if (of == nullptr) return Right::administer;
  if (of->revoked)
    return base::fail(Code::denied, "operator '" + std::string(name) + "' is revoked");
  return of->right;
}

Result<Caller> Operators::check(std::string_view token) const {
  const auto wrong = [] {
    return base::fail(Code::denied, "the token is unknown, revoked or has expired");
  };
  if (!token.starts_with(token_prefix)) return wrong();
  token.remove_prefix(token_prefix.size());
  const std::size_t bar = token.find('_');
  if (bar == std::string_view::npos) return wrong();
  const std::string_view id = token.substr(0, bar);
  const std::string digest = digest_of(token.substr(bar + 1));
  const base::Time now = world_.loop().wall_now();
  for (const auto& [name, of] : operators_) {
    const auto at = std::ranges::find(of.tokens, id, &OperatorToken::id);
    if (at == of.tokens.end()) continue;
    if (of.revoked || at->expires <= now ||
        !crypto::equal_in_constant_time(base::as_bytes(at->digest), base::as_bytes(digest)))
      return wrong();
    Caller caller;
    caller.kind = Caller::Kind::operator_;
    caller.name = name;
    caller.right = of.right;
    return caller;
  }
  return wrong();
}

const Operator* Operators::find(std::string_view name) const {
  const auto found = operators_.find(name);
  return found == operators_.end() ? nullptr : &found->second;
}

std::vector<const Operator*> Operators::list() const {
  std::vector<const Operator*> all;
  for (const auto& [name, of] : operators_) all.push_back(&of);
  return all;
}

}  // namespace selvedge::cloud
