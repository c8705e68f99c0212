#include "wire_node.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace selvedge::bench {

namespace twin = codec::twin;
using model::TwinLeaf;
using model::TwinPart;

namespace {

constexpr base::Duration connect_timeout = std::chrono::seconds(60);

engine::ClientOptions options_of(const std::string& name) {
  engine::ClientOptions options;
  options.client_id = name;
  options.keep_alive = 600;
  options.waiting_bytes = 4 << 20;
  return options;
}

}  // namespace

WireNode::WireNode(os::World& world, std::string name, int tasks, Told& told)
    : world_(world), name_(std::move(name)), room_(tasks), told_(told), client_(options_of(name_)) {}

void WireNode::connect(const os::Endpoint& cloud, std::shared_ptr<os::Tls> tls) {
  stream_ = world_.network().connect(cloud, std::move(tls), connect_timeout, *this);
}

void WireNode::on_open(os::Stream&) {
  client_.transport_open(world_.loop().now(), events_);
  client_.subscribe(twin::down_topic(name_), 0, world_.loop().now(), events_);
  carry_out();
}

void WireNode::on_bytes(os::Stream&, base::BytesView bytes) {
  client_.received(bytes, world_.loop().now(), events_);
  carry_out();
}

void WireNode::on_close(os::Stream&, const base::Error& why) { told_.lost(name_ + ": " + why.message); }

void WireNode::carry_out() {
  const engine::ClientEvents events = std::exchange(events_, {});
  if (!events.send.empty()) stream_->write(events.send);
  if (events.close) return told_.lost(name_ + ": " + events.close->message);
  if (!events.subscribed.empty()) {
    session_ = world_.random_u64() | 1;
    say(twin::Hello{session_, world_.loop().wall_now()});
    const auto amount = [&](const char* what, std::int64_t each) {
      return leaf(std::string("/node/resources/") + what, std::to_string(each * room_));
    };
    report({leaf("/node/arch", "\"x86_64\""), amount("cpu", 100), amount("memory", std::int64_t{32} << 20),
            amount("disk", std::int64_t{1} << 30), leaf("/tasks/_heard", "0")},
           {});
  }
  for (const auto& one : events.messages) message(one.payload);
  if (!events_.send.empty()) stream_->write(std::exchange(events_.send, {}));
}

void WireNode::say(const twin::Message& what) {
  base::Bytes payload;
  twin::encode(what, payload);
  if (const auto sent = client_.publish(twin::up_topic(name_), payload, 0, false, world_.loop().now(), events_); !sent)
    told_.lost(name_ + ": " + sent.error().message);
}

TwinLeaf WireNode::leaf(std::string path, std::string value) {
  const auto now = static_cast<std::uint64_t>(world_.loop().wall_now().ns / 1'000'000) << 16;
  stamp_ = std::max(stamp_ + 1, now);
  return {TwinPart::reported, std::move(path), {stamp_, base::crc32c(base::as_bytes(name_))}, std::move(value)};
}

void WireNode::report(std::vector<TwinLeaf> leaves, std::vector<std::string> tasks) {
  twin::Changes changes{session_, ++number_, world_.loop().wall_now(), {}};
  changes.twins.push_back({model::twin_id(name_, model::node_twin_name), ++revision_, std::move(leaves)});
  say(changes);
  sent_.push_back({number_, std::move(tasks)});
}

void WireNode::message(base::BytesView payload) {
  const auto decoded = twin::decode(payload);
  if (!decoded) return told_.lost(name_ + ": " + decoded.error().message);
  if (const auto* changes = std::get_if<twin::Changes>(&*decoded)) return take(*changes);
  const auto* seen = std::get_if<twin::Seen>(&*decoded);
  if (seen == nullptr || seen->session != session_) return;
  if (seen->refused > 0) return told_.lost(name_ + ": the cloud refused what it reports");
  // One acknowledgement counts for all before it.
  while (!sent_.empty() && sent_.front().number <= seen->number) {
    const Sent done = std::move(sent_.front());
    sent_.erase(sent_.begin());
    if (done.number == 1) told_.known();
    for (const std::string& task : done.tasks) told_.reported(task);
  }
}

void WireNode::take(const twin::Changes& changes) {
  constexpr std::string_view root = "/tasks/", generation_at = "/generation", revision_at = "/tasks/_revision";
  std::vector<TwinLeaf> leaves;
  std::vector<std::string> tasks;
  std::string heard;
  for (const twin::Change& change : changes.twins) {
    for (const TwinLeaf& one : change.leaves) {
      if (one.part != TwinPart::desired || !one.path.starts_with(root)) continue;
      if (one.path == revision_at) heard = one.value;
      else if (one.path.ends_with(generation_at) && !one.value.empty()) {
        const std::string task = one.path.substr(root.size(), one.path.size() - root.size() - generation_at.size());
        std::string& known = running_[task];
        if (std::exchange(known, one.value) == one.value) continue;
        told_.wished(task);
        const std::string at = std::string(root) + task;
        leaves.push_back(leaf(at + "/state", "\"running\""));
        leaves.push_back(leaf(at + "/generation", one.value));
        leaves.push_back(leaf(at + "/run", "1"));
        leaves.push_back(leaf(at + "/restarts", "0"));
        leaves.push_back(leaf(at + "/since", '"' + base::to_iso8601(world_.loop().wall_now()) + '"'));
        tasks.push_back(task);
      } else if (one.value.empty() && one.path.find('/', root.size()) == std::string::npos) {
        const std::string task = one.path.substr(root.size());
        if (running_.erase(task) == 0) continue;
        for (const char* member : {"state", "generation", "run", "restarts", "since"})
          leaves.push_back(leaf(one.path + "/" + member, ""));
        leaves.push_back(leaf(one.path, ""));
      }
    }
  }
  say(twin::Seen{changes.session, changes.number, 0});
  if (!heard.empty()) leaves.push_back(leaf("/tasks/_heard", heard));
  if (!leaves.empty()) report(std::move(leaves), std::move(tasks));
}

}  // namespace selvedge::bench
