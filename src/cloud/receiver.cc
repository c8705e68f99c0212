#include "cloud/receiver.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace selvedge::cloud {
namespace {

constexpr base::Duration retry_first = std::chrono::milliseconds(200);
constexpr base::Duration retry_most = std::chrono::seconds(10);

}  // namespace

Receiver::Receiver(os::World& world, BlockStore& store, base::Registry& metrics,
                   std::uint64_t buffer_bytes, std::uint64_t commit_bytes)
    : world_(world),
      store_(store),
      buffer_bytes_(buffer_bytes),
      commit_bytes_(commit_bytes),
      batches_(metrics.counter("selvedge_cloud_batches_total", "Batches committed.")),
      blocks_(metrics.counter("selvedge_cloud_blocks_total", "New blocks committed.")),
      readings_(metrics.counter("selvedge_cloud_readings_total", "New readings committed.")),
      duplicates_(metrics.counter("selvedge_cloud_duplicate_blocks_total",
                                  "Blocks that were there already.")),
      refused_(metrics.counter("selvedge_cloud_refused_batches_total",
                               "Batches that could not be read.")),
      frame_bytes_(metrics.counter("selvedge_cloud_frame_bytes_total",
                                   "Bytes of the new blocks' frames.")),
      failures_(metrics.counter("selvedge_cloud_commit_failures_total",
                                "Transactions that failed and are tried again.")),
      commit_seconds_(metrics.histogram("selvedge_cloud_commit_seconds",
                                        "Duration of a transaction.", base::latency_bounds())),
      store_seconds_(metrics.histogram("selvedge_cloud_store_seconds",
                                       "From a batch's arrival to its commit.",
                                       base::latency_bounds())) {
  metrics.gauge_from("selvedge_cloud_waiting_bytes", "Batches received and not yet committed.",
                     [this] { return static_cast<double>(waiting_bytes_); });
}

Receiver::~Receiver() { world_.loop().cancel(retry_); }

void Receiver::take(std::string_view node, base::BytesView payload) {
  waiting_.push_back({std::string(node), {payload.begin(), payload.end()},
                      world_.loop().wall_now()});
  waiting_bytes_ += payload.size();
  if (waiting_bytes_ > buffer_bytes_) server_->pause();
  if (committing_ || std::exchange(planned_, true)) return;
  world_.loop().defer([this, living = std::weak_ptr<bool>(alive_)] {
    if (!living.expired()) commit();
  });
}

void Receiver::commit() {
  planned_ = false;
  if (committing_ || waiting_.empty()) return;
  committing_ = true;
  std::size_t count = 0;
  std::uint64_t bytes = 0;
  while (count < waiting_.size() && (count == 0 || bytes + waiting_[count].payload.size() <= commit_bytes_))
    bytes += waiting_[count++].payload.size();
  std::vector<Incoming> batches(std::make_move_iterator(waiting_.begin()),
                                std::make_move_iterator(waiting_.begin() + static_cast<std::ptrdiff_t>(count)));
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
  const base::Instant began = world_.loop().now();
  // Kept for another try: a full disk must not cost the connection and the work of sending again.
  auto kept = std::make_shared<std::vector<Incoming>>(batches);
  store_.commit(std::move(batches), [this, kept, began, living = std::weak_ptr<bool>(alive_)](
                                        base::Result<std::vector<Committed>> outcome) {
    if (!living.expired()) committed(std::move(*kept), std::move(outcome), began);
  });
}

void Receiver::committed(std::vector<Incoming> batches,
                         base::Result<std::vector<Committed>> outcome, base::Instant began) {
  committing_ = false;
  if (!outcome) {
    failures_.add();
    retry_after_ = std::clamp(retry_after_ * 2, retry_first, retry_most);
    base::log::error("receiver", "commit failed; trying again",
                     {{"why", outcome.error()}, {"again_in", retry_after_}});
    waiting_.insert(waiting_.begin(), std::make_move_iterator(batches.begin()),
                    std::make_move_iterator(batches.end()));
    committing_ = true;   // until the pause is over
    retry_ = world_.loop().after(retry_after_, [this] {
      committing_ = false;
      commit();
    });
    return;
  }
  retry_after_ = {};
  commit_seconds_.observe(std::chrono::duration<double>(world_.loop().now() - began).count());
  const base::Time now = world_.loop().wall_now();
  for (const Incoming& batch : batches) {
    waiting_bytes_ -= batch.payload.size();
    store_seconds_.observe(std::chrono::duration<double>(now - batch.arrived).count());
  }
  for (const Committed& done : *outcome) {
    if (done.refused) {
      refused_.add();
      base::log::warn("receiver", "batch refused",
                      {{"node", done.node}, {"why", *done.refused}});
      server_->kick_device(done.node, codec::mqtt::Reason::payload_format_invalid);
      continue;
    }
    batches_.add();
    blocks_.add(done.blocks);
    readings_.add(done.readings);
    duplicates_.add(done.duplicates);
    frame_bytes_.add(done.frame_bytes);
    base::Bytes ack;
    codec::uplink::encode(done.ack, ack);
    server_->publish(codec::uplink::ack_topic(done.node), std::move(ack), 0, false);
  }
  if (server_->paused() && waiting_bytes_ <= buffer_bytes_ / 2) server_->resume();
  if (!waiting_.empty()) {
    commit();
  } else if (drained_) {
    std::exchange(drained_, nullptr)();
  }
}

void Receiver::drain(std::function<void()> done) {
  if (!committing_ && waiting_.empty()) {
    done();
    return;
  }
  drained_ = std::move(done);
  commit();
}

}  // namespace selvedge::cloud
