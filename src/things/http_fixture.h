// A server of twins in a world whose network and clock are the test's, and a store in memory whose
// commits can be held back. For tests.

#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "net/http/test_world.h"
#include "things/http_routes.h"

namespace selvedge::things {

// Twins without a disk: what TwinStore promises to its readers, and commits when the test says so.
class MemoryTwins final : public store::TwinStore {
 public:
  explicit MemoryTwins(os::World& world) : world_(world) {}

  bool hold = false;                   // commits wait for release()
  bool full = false;
  void release() {
    hold = false;
    for (auto& done : std::exchange(held_, {})) world_.loop().defer(std::move(done));
  }

  const engine::Twin* find(std::string_view id) const override {
    const auto at = twins_.find(id);
    return at == twins_.end() ? nullptr : &at->second;
  }
  std::size_t size() const override { return twins_.size(); }
  std::vector<model::TwinId> list(std::string_view prefix, std::string_view after,
                                  std::size_t limit) const override {
    std::vector<model::TwinId> ids;
    for (const auto& [id, twin] : twins_)
      if (ids.size() < limit && id.starts_with(prefix) && id > after) ids.push_back(id);
    return ids;
  }
  base::Result<std::vector<model::TwinId>> search(const engine::TwinFilter& filter,
                                                  std::string_view prefix, std::string_view after,
                                                  std::size_t limit,
                                                  std::size_t examined) const override {
    std::vector<model::TwinId> ids;
    std::size_t seen = 0;
    for (const auto& [id, twin] : twins_) {
      if (ids.size() == limit) break;
      if (!id.starts_with(prefix) || id <= after) continue;
      if (++seen > examined) return base::fail(base::Code::exhausted, "too many to look at");
      if (filter.matches(id, twin)) ids.push_back(id);
    }
    return ids;
  }
  base::Result<void> index(std::string_view) override { return {}; }

  base::Result<engine::TwinChange> edit(std::string_view id, const engine::TwinEdit& edit,
                                        const store::TwinPrecondition&) override {
    if (full) return base::fail(base::Code::exhausted, "no room on the disk");
    const auto at = twins_.find(id);
    engine::Twin twin = at == twins_.end() ? engine::Twin() : at->second.copy();
    const bool created = twin.empty();
    auto change = twin.edit(edit, {world_.loop().wall_now().ns / 1'000'000, 1}, {});
    if (!change) return change;
    if (twin.empty()) {
      twins_.erase(std::string(id));
      tell({store::TwinEvent::Kind::removed, id, nullptr, &*change, false});
      return change;
    }
    const auto kept = twins_.insert_or_assign(std::string(id), std::move(twin)).first;
    if (change->changed)
      tell({created ? store::TwinEvent::Kind::created : store::TwinEvent::Kind::changed, id,
            &kept->second, &*change, false});
    return change;
  }
  base::Result<engine::TwinChange> join(std::string_view,
                                        std::span<const model::TwinLeaf>) override {
    return base::fail(base::Code::invalid_input, "no peer here");
  }
  base::Result<void> remove(std::string_view id, const store::TwinPrecondition&, bool) override {
    if (twins_.erase(std::string(id)) == 0) return base::fail(base::Code::not_found, "no such twin");
    tell({store::TwinEvent::Kind::removed, id, nullptr, nullptr, false});
    return {};
  }
  void commit(std::function<void()> done) override {
    if (hold) held_.push_back(std::move(done));
    else world_.loop().defer(std::move(done));
  }

  std::vector<store::UnsentTwin> unsent(std::string_view, std::size_t) override { return {}; }
  void acknowledged(std::string_view, std::uint64_t) override {}
  void forget_sent(std::string_view) override {}
  bool has_unsent(std::string_view) const override { return false; }
  WatchId watch(std::function<void(const store::TwinEvent&)> told) override {
    watchers_.emplace(++last_watch_, std::move(told));
    return last_watch_;
  }
  void unwatch(WatchId id) override { watchers_.erase(id); }
  std::size_t watchers() const { return watchers_.size(); }
  Stats stats() const override { return {}; }
  void close(std::function<void()> done) override { world_.loop().defer(std::move(done)); }

 private:
  void tell(const store::TwinEvent& event) {
    for (const auto& [id, told] : watchers_) told(event);
  }

  os::World& world_;
  std::map<std::string, engine::Twin, std::less<>> twins_;
  std::vector<std::function<void()>> held_;
  std::map<WatchId, std::function<void(const store::TwinEvent&)>> watchers_;
  WatchId last_watch_ = 0;
};

class TwinServer : public testing::Test {
 protected:
  using Caller = net::api::Caller;

  TwinServer() { start(); }
  ~TwinServer() override {
    server.reset();
    api.reset();
    EXPECT_EQ(store.watchers(), 0U);
  }

  void start() {
    server = std::make_unique<net::http::Server>(world, net::http::ServerLimits{});
    TwinRoutes routes{.world = world,
                      .twins = store,
                      .identify = [this](const net::http::Request& request, auto told) {
                        identify(request, std::move(told));
                      },
                      .audit = [this](const Caller& who,
                                      net::api::Change what) { audited.emplace_back(who.text(), what); },
                      .here = [this] { return here; },
                      .history = history,
                      .send = send};
    routes.events = event_limits;
    routes.sockets = socket_limits;
    routes.socket_connections = socket_connections;
    api.reset();
    api = add_twin_routes(*server, std::move(routes));
    ASSERT_TRUE(server->listen({"", 80}, nullptr));
  }

  // "Authorization: <kind> <name>", an admin on this machine without it.
  void identify(const net::http::Request& request,
                const std::function<void(base::Result<Caller>)>& told) {
    if (late) {
      world.loop().after(std::chrono::milliseconds(5), [this, request, told] {
        late = false;
        identify(request, told);
        late = true;
      });
      return;
    }
    Caller caller{Caller::Kind::local, "", net::api::Right::administer, "127.0.0.1"};
    const std::string who(request.header("authorization"));
    if (who == "wrong" || revoked)
      return told(base::fail(base::Code::denied, "this token is not known"));
    const std::size_t space = std::min(who.find(' '), who.size());
    const std::string kind = who.substr(0, space);
    caller.name = who.substr(std::min(space + 1, who.size()));
    if (kind == "viewer") caller = {Caller::Kind::operator_, caller.name, net::api::Right::view, ""};
    if (kind == "operator") caller = {Caller::Kind::operator_, caller.name, net::api::Right::operate, ""};
    if (kind == "node") caller = {Caller::Kind::node, caller.name, net::api::Right::view, ""};
    if (kind == "device") caller = {Caller::Kind::device, caller.name, net::api::Right::view, ""};
    if (kind == "nobody") caller = {};
    told(caller);
  }

  // What comes back, status line and all.
  std::string ask(std::string_view method, std::string_view target, std::string_view body = {},
                  std::string_view headers = {}) {
    const auto wire = world.dial();
    wire->receive(std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" +
                  std::string(headers) + (body.empty() ? "" : "Content-Length: " +
                  std::to_string(body.size()) + "\r\n") + "\r\n" + std::string(body));
    world.advance(std::chrono::milliseconds(20));
    const std::string answer = wire->take();
    wire->close();
    return answer;
  }
  static int status_of(const std::string& answer) {
    return answer.size() > 12 ? std::stoi(answer.substr(9, 3)) : 0;
  }
  static std::string body_of(const std::string& answer) {
    const std::size_t at = answer.find("\r\n\r\n");
    return at == std::string::npos ? "" : answer.substr(at + 4);
  }
  static std::string header_of(const std::string& answer, const std::string& name) {
    const std::size_t at = answer.find("\r\n" + name + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 4;
    return answer.substr(begin, answer.find("\r\n", begin) - begin);
  }
  void put(const std::string& id, const std::string& json) {
    ASSERT_TRUE(store.edit(id, {engine::TwinEdit::Kind::put, "", json}, {}));
    world.advance({});
  }
  void merge(const std::string& id, const std::string& json) {
    ASSERT_TRUE(store.edit(id, {engine::TwinEdit::Kind::merge, "", json}, {}));
    world.advance({});
  }

  net::http::test::TestWorld world;
  MemoryTwins store{world};
  std::vector<std::pair<std::string, net::api::Change>> audited;
  std::string here = "edge-1";
  History history;
  SendCommand send;
  EventHubLimits event_limits;
  DittoSocketLimits socket_limits;
  std::uint32_t socket_connections = 1000;
  bool late = false, revoked = false;
  std::unique_ptr<net::http::Server> server;
  std::shared_ptr<TwinApi> api;
};

}  // namespace selvedge::things
