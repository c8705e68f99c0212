// Health checks: a command in the same sandbox as the task, or a request.

#include <utility>

#include "base/text.h"
#include "node/task_preparing.h"

namespace selvedge::node {

namespace {

constexpr std::size_t most_said = 200;

}  // namespace

void Tasks::State::check(const engine::TaskCheck& asked) {
  const auto at = runs.find({asked.name, asked.run});
  if (at == runs.end()) return;
  const model::TaskHealth& health = asked.task->health;
  auto one = std::make_shared<Checking>(*this, asked);
  if (const auto before = checking.find(asked.name); before != checking.end()) checked(before->second, "no answer");
  checking[asked.name] = one;
  one->timer = world.loop().after(health.timeout, [this, weak = std::weak_ptr(one)] {
    if (const auto late = weak.lock()) checked(late, "no answer within " + base::to_string(late->asked.task->health.timeout));
  });
  if (!health.command.empty()) {
    os::ChildOptions options = at->second->options(health.command);
    options.group = place.group + "/_" + asked.name;   // no task is called so
    one->child = world.spawn(options, *one);
    return;
  }
  net::http::Fetch fetch;
  fetch.url = health.http;
  one->transfer = client->fetch(std::move(fetch), [this, weak = std::weak_ptr(one)](const base::Result<net::http::Fetched>& answer) {
    const auto its = weak.lock();
    if (!its) return;
    if (!answer) return checked(its, answer.error().message);
    const bool well = answer->status >= 200 && answer->status < 300;
    checked(its, well ? std::nullopt : std::optional("status " + std::to_string(answer->status)));
  });
}

// Once; what comes after it finds the check gone.
void Tasks::State::checked(const std::shared_ptr<Checking>& one, std::optional<std::string> trouble) {
  const auto at = checking.find(one->asked.name);
  if (at == checking.end() || at->second != one) return;
  checking.erase(at);
  world.loop().cancel(one->timer);
  one->transfer.cancel();
  world.loop().defer([one] {});                    // with its child, which is killed if it still runs
  using Is = engine::TaskChecked::Is;
  feed(engine::TaskChecked{one->asked.name, one->asked.check, trouble ? Is::unwell : Is::well, trouble.value_or("")});
}

void Tasks::State::Checking::on_output(os::Child&, os::ChildOutput, base::BytesView bytes) {
  if (said.size() < most_said) said += base::as_text(bytes.first(std::min(bytes.size(), most_said - said.size())));
}

void Tasks::State::Checking::on_exit(os::Child&, const os::ChildExit& how) {
  const auto at = owner.checking.find(asked.name);
  if (at == owner.checking.end() || at->second.get() != this) return;
  if (how.how == os::ChildExit::How::exited && how.number == 0) return owner.checked(std::shared_ptr(at->second), std::nullopt);
  std::string why = how.how == os::ChildExit::How::exited ? "the check ended with status " + std::to_string(how.number)
                                                          : "the check was ended by signal " + std::to_string(how.number);
  if (!said.empty()) why += ": " + base::printable(said, most_said);
  owner.checked(std::shared_ptr(at->second), std::move(why));
}

void Tasks::State::Checking::on_failure(os::Child&, const base::Error& why) {
  const auto at = owner.checking.find(asked.name);
  if (at != owner.checking.end() && at->second.get() == this) owner.checked(std::shared_ptr(at->second), why.message);
}

}  // namespace selvedge::node
