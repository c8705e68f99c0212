#include "cloud/raw_fetch.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "codec/uplink/uplink.h"

namespace selvedge::cloud {

using base::Code;
using base::fail;
using base::Result;
namespace uplink = codec::uplink;

namespace {

constexpr std::uint32_t answer_lane = 0x5501;

}  // namespace

RawFetch::RawFetch(os::World& world, base::Registry& metrics)
    : world_(world),
      // From a random start, so that an answer to an earlier process finds nobody.
      last_request_(world.random_u64()),
      asked_(metrics.counter("selvedge_raw_fetches_total", "Queries that asked a node for its raw readings.")),
      failed_(metrics.counter("selvedge_raw_fetch_failures_total", "Those that got no answer.")),
      bytes_(metrics.counter("selvedge_raw_fetch_bytes_total", "Bytes of frames that nodes sent for them.")) {
  metrics.gauge_from("selvedge_raw_fetches_open", "Queries that wait for a node.",
                     [this] { return static_cast<double>(pending_.size()); });
}

RawFetch::~RawFetch() {
  for (const auto& [request, pending] : pending_) world_.loop().cancel(pending.timer);
}

void RawFetch::query(std::string_view node, std::string_view series, const engine::QueryRange& range, Done done) {
  if (const auto valid = engine::validate(range); !valid) return done(std::unexpected(valid.error()));
  if (series.size() > 512) return done(fail(Code::not_found, "a series of such a name cannot be"));
  const auto of_node = std::ranges::count_if(pending_, [&](const auto& p) { return p.second.node == node; });
  if (pending_.size() >= most || static_cast<std::size_t>(of_node) >= most_per_node)
    return done(fail(Code::exhausted, "too many queries wait for raw readings of nodes"));
  asked_.add();
  const std::uint64_t request = ++last_request_;
  Pending& pending = pending_[request];
  pending.node = node;
  pending.series = series;
  pending.range = range;
  pending.done = std::move(done);
  ask(request);
}

void RawFetch::ask(std::uint64_t request) {
  Pending& pending = pending_.at(request);
  pending.timer = world_.loop().after(patience, [this, request] {
    end(request, fail(Code::unavailable, "node '" + pending_.at(request).node + "' did not answer in time"));
  });
  net::mqtt::Message message;
  message.topic = uplink::raw_request_topic(pending.node);
  uplink::encode(uplink::RawRequest{request, pending.range.needed_from(), pending.range.to, pending.frames.size(),
                                    pending.series},
                 message.payload);
  message.reached = [this, request, living = std::weak_ptr<bool>(alive_)](std::size_t reached) {
    if (living.expired() || reached > 0) return;
    const auto at = pending_.find(request);
    if (at == pending_.end()) return;
    end(request, fail(Code::unavailable, "node '" + at->second.node +
                                             "' is not connected, and its raw readings are nowhere else"));
  };
  server_->publish(std::move(message));
}

bool RawFetch::message(const engine::Arrived& message) {
  if (message.topic != uplink::raw_answer_topic(message.device)) return false;
  const auto answer = uplink::decode_raw_answer(message.payload);
  if (!answer) {
    base::log::warn("raw", "unreadable answer", {{"node", message.device}, {"why", answer.error()}});
    server_->kick_device(message.device, codec::mqtt::Reason::payload_format_invalid);
    return true;
  }
  const auto at = pending_.find(answer->request);
  if (at == pending_.end() || at->second.node != message.device) return true;   // too late, or not its own
  Pending& pending = at->second;
  world_.loop().cancel(pending.timer);
  if (answer->refused) {
    end(answer->request, fail(*answer->refused, base::printable(answer->why, 1024)));
    return true;
  }
  for (const base::BytesView frame : answer->frames) {
    pending.bytes += frame.size();
    bytes_.add(frame.size());
    pending.frames.emplace_back(frame.begin(), frame.end());
  }
  if (pending.bytes > max_bytes) {
    end(answer->request, fail(Code::exhausted, "the node has more than " + base::size_text(max_bytes) +
                                                   " of blocks; choose a shorter range"));
  } else if (answer->more && !answer->frames.empty()) {
    ask(answer->request);
  } else {
    make_answer(answer->request);
  }
  return true;
}

// Small frames may hold very many readings: not for the loop thread.
void RawFetch::make_answer(std::uint64_t request) {
  Pending& pending = pending_.at(request);
  struct Work {
    engine::QueryRange range;
    std::vector<base::Bytes> frames;
    Result<engine::QueryResult> result = engine::QueryResult{};
  };
  const auto work = std::make_shared<Work>(Work{pending.range, std::move(pending.frames)});
  world_.loop().work(
      answer_lane, [work] { work->result = engine::answer_frames(work->range, work->frames); },
      [this, request, work, living = std::weak_ptr<bool>(alive_)] {
        if (!living.expired()) end(request, std::move(work->result));
      });
}

void RawFetch::left(std::string_view node) {
  std::vector<std::uint64_t> lost;
  for (const auto& [request, pending] : pending_)
    if (pending.node == node) lost.push_back(request);
  for (const std::uint64_t request : lost)
    end(request, fail(Code::unavailable, "the connection of node '" + std::string(node) + "' was lost"));
}

void RawFetch::end(std::uint64_t request, Result<engine::QueryResult> result) {
  const auto at = pending_.find(request);
  if (at == pending_.end()) return;
  Pending pending = std::move(at->second);
  pending_.erase(at);
  world_.loop().cancel(pending.timer);
  if (!result) failed_.add();
  pending.done(std::move(result));
}

}  // namespace selvedge::cloud
