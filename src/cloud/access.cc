#include <utility>

#include "base/log.h"
#include "cloud/operators_api.h"
#include "cloud/state.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using net::api::Caller;
using net::api::Change;

namespace {

constexpr std::string_view bearer = "Bearer ";

std::string_view from(const net::http::Request& request) {
  return request.peer != nullptr ? net::api::host_of(request.peer->address) : std::string_view();
}

}  // namespace

audit::Voucher Cloud::State::voucher() const {
  std::string name = "cloud";
  if (const auto info = crypto::read_certificate(authority->cloud_certificate()))
    if (const auto role = crypto::role_of(info->uris)) name = role->name;
  return {authority->cloud_certificate(), authority->cloud_key(), authority->trust(),
          crypto::role_uri(crypto::Role::cloud, name)};
}

Result<void> Cloud::State::open_access() {
  operators = TRY(base::while_doing("operators", Operators::open(world, config.state)));
  trail = TRY(audit::Trail::open(world, config.state, config.audit_bytes.bytes, voucher(), metrics));
  guesses = std::make_unique<engine::SourceLimit>(engine::SourceLimits{
      .burst = config.wrong_tokens, .refill = config.wrong_tokens_refill, .sources = 4096});
  metrics.counter_from("selvedge_wrong_tokens_total", "Tokens of operators and of joins that were wrong.",
                       [this] { return static_cast<double>(guesses->failures()); });
  metrics.counter_from("selvedge_sources_refused_total",
                       "Requests refused because their source was wrong too often.",
                       [this] { return static_cast<double>(guesses->refusals()); });
  return {};
}

// A certificate is looked at only where no token is shown: who shows one wants its role. A token
// that is right is let in whatever others behind the same address got wrong.
Result<Caller> Cloud::State::caller(const net::http::Request& request) {
  const std::string_view header = request.header("authorization");
  if (header.starts_with(bearer)) {
    const base::Instant now = world.loop().now();
    auto found = operators->check(header.substr(bearer.size()));
    if (found) {
      found->from = from(request);
      return found;
    }
    const bool over = !guesses->allows(from(request), now);
    guesses->failed(from(request), now);
    if (over)
      return base::fail(Code::exhausted, "too many wrong tokens from this address; try again later");
    base::log::warn("access", "token refused", {{"from", from(request)}});
    return found;
  }
  Caller caller = net::api::caller_of(request.peer);
  switch (caller.kind) {
    case Caller::Kind::operator_: caller.right = TRY(operators->right_of(caller.name)); break;
    // Who is on the cloud's machine is no admin of the fleet for that.
    case Caller::Kind::local:
    case Caller::Kind::nobody:
      return base::fail(Code::denied,
                        "an operator's certificate (selvedge --identity DIR) or token "
                        "(--token-file FILE, SELVEDGE_TOKEN) is needed");
    case Caller::Kind::device:
    case Caller::Kind::node: break;
  }
  return caller;
}

void Cloud::State::identify(const net::http::Request& request,
                            std::function<void(Result<Caller>)> answer) {
  auto found = caller(request);
  // A change whose record could not be written is not made.
  if (found)
    if (auto well = trail->may_change(request); !well) return answer(std::unexpected(well.error()));
  answer(std::move(found));
}

void Cloud::State::audit(const Caller& who, Change what) { trail->note(who, std::move(what)); }

void Cloud::State::audit_first(const Caller& who, Change what, std::function<void(Result<void>)> then) {
  trail->first(who, std::move(what), std::move(then));
}

void Cloud::State::add_access_routes() {
  trail->add_routes(*http, context->identify);
  add_operators_routes(*http, *context, *operators);
}

}  // namespace selvedge::cloud
