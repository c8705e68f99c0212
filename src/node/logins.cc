#include "base/log.h"
#include "node/own_topics.h"
#include "node/state.h"
#include "node/topic_access.h"

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
  c.address = request.facts.address;
  c.fallback = request.client_id;
  devices->admit(std::move(c), [request = std::move(request), answer = std::move(answer)](
                                   Result<std::string> device) {
    if (device) {
      engine::Grant grant{Reason::success, std::move(*device), {}};
      // Whoever comes without a name from this machine, because the config lets them, may be a tool.
      const bool named = request.has_username && request.has_password;
      const bool certified = !request.facts.common_name.empty() || !request.facts.uris.empty();
      grant.unrestricted = !named && !certified;
      return answer(std::move(grant));
    }
    base::log::warn("mqtt", "login refused",
                    {{"from", request.facts.address},
                     {"client_id", request.client_id},
                     {"why", device.error()}});
    const base::Code code = device.error().code;
    answer({code == base::Code::unavailable || code == base::Code::exhausted ? Reason::server_busy
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
  hooks.subscribed = [this](std::span<const engine::Outputs::Subscribed> subscriptions) {
    twins->subscribed(subscriptions);
  };
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
  engine::Access access = device_access();
  if (config.own_topics_only) access = with_own_topics(std::move(access), config.device_topics);
  mqtt = std::make_unique<net::mqtt::Server>(world, config.broker, std::move(access), std::move(hooks));
}

}  // namespace selvedge::node
