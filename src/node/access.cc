#include "node/state.h"

#include <utility>

#include "base/log.h"

namespace selvedge::node {

using base::Code;
using base::Result;
using net::api::Caller;
using net::api::Change;

void Node::State::identify(const net::http::Request& request,
                            std::function<void(Result<Caller>)> answer) {
  Caller caller = net::api::caller_of(request.peer);
  if (caller.kind == Caller::Kind::nobody)
    return answer(base::fail(Code::denied, "only from this machine, or with an operator's certificate"));
  answer(std::move(caller));
}

void Node::State::audit(const Caller& who, Change what) {
  base::log::info("audit", what.action, {{"who", who.text()}, {"from", who.from}, {"target", what.target}});
}

void Node::State::audit_first(const Caller& who, Change what, std::function<void(Result<void>)> then) {
  audit(who, std::move(what));
  then({});
}

}  // namespace selvedge::node
