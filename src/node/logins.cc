#include "base/log.h"
#include "node/state.h"

namespace selvedge::node {

using base::Result;
using codec::mqtt::Reason;

void Node::State::login(net::mqtt::LoginRequest request, std::function<void(engine::Grant)> answer) {
  Credentials c;
  c.name = request.username;
  c.password = request.password;
  c.has_name = request.has_username;
  c.has_password = request.has_password;
  c.loopback = request.facts.loopback;
  c.encrypted = request.facts.encrypted;
  c.common_name = request.facts.common_name;
  c.uris = request.facts.uris;
  c.fallback = request.client_id;
  devices->admit(std::move(c), [request = std::move(request), answer = std::move(answer)](
                                   Result<std::string> device) {
    if (device) return answer({Reason::success, std::move(*device), {}});
    base::log::warn("mqtt", "login refused",
                    {{"from", request.facts.address},
                     {"client_id", request.client_id},
                     {"why", device.error()}});
    answer({device.error().code == base::Code::unavailable ? Reason::server_busy
                                                           : Reason::not_authorized,
            {},
            {}});
  });
}

void Node::State::make_mqtt() {
  net::mqtt::Hooks hooks;
  hooks.login = [this](net::mqtt::LoginRequest request,
                       std::function<void(engine::Grant)> answer) {
    login(std::move(request), std::move(answer));
  };
  hooks.arrived = [this](std::span<const engine::Arrived> messages) { arrived(messages); };
  hooks.persist = [this](base::BytesView records, std::uint32_t) {
    sessions->append(records);
    plan_commit();
  };
  hooks.persisted = [this](std::function<void()> then) {
    sessions->when_durable(std::move(then));
  };
  hooks.ended = [](std::string_view address, std::string_view why, bool error) {
    if (error) base::log::info("mqtt", "connection ended", {{"from", address}, {"why", why}});
  };
  mqtt = std::make_unique<net::mqtt::Server>(world, config.broker, engine::Access{}, std::move(hooks));
}

}  // namespace selvedge::node
