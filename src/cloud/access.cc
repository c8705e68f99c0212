#include "cloud/state.h"

#include <utility>

#include "base/log.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using net::api::Caller;
using net::api::Change;

void Cloud::State::identify(const net::http::Request& request,
                            std::function<void(Result<Caller>)> answer) {
  Caller caller = net::api::caller_of(request.peer);
  // Who is on the cloud's machine is no admin of the fleet for that.
  if (caller.kind == Caller::Kind::local || caller.kind == Caller::Kind::nobody)
    return answer(base::fail(Code::denied, "an operator's certificate is needed (selvedge --identity DIR)"));
  answer(std::move(caller));
}

void Cloud::State::audit(const Caller& who, Change what) {
  base::log::info("audit", what.action, {{"who", who.text()}, {"from", who.from}, {"target", what.target}});
}

void Cloud::State::audit_first(const Caller& who, Change what, std::function<void(Result<void>)> then) {
  audit(who, std::move(what));
  then({});
}

}  // namespace selvedge::cloud
