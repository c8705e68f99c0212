#include "node/dead_letters.h"

#include <algorithm>

#include "base/text.h"
#include "base/wire.h"

namespace selvedge::node {
namespace {

constexpr std::uint8_t record_kind = 1;
constexpr std::size_t payload_kept = 4096;
constexpr std::uint32_t written_per_second = 100;
constexpr std::uint32_t log_lane = 13;

base::Result<DeadLetter> decode(base::BytesView bytes) {
  base::Reader r(bytes);
  DeadLetter letter;
  letter.at.ns = r.svarint();
  letter.source = r.text();
  letter.device = r.text();
  letter.reason = r.text();
  letter.payload_bytes = r.varint();
  const base::BytesView payload = r.bytes();
  letter.payload.assign(payload.begin(), payload.end());
  if (!r.ok()) return base::fail(base::Code::corrupt, "dead letter: record too short");
  return letter;
}

}  // namespace

DeadLetters::DeadLetters(os::World& world, base::Registry& metrics)
    : world_(world),
      counted_(&metrics.counter("selvedge_dead_letters_total",
                                "Messages that could not be taken as readings.")) {}

base::Result<std::unique_ptr<DeadLetters>> DeadLetters::open(os::World& world,
                                                             std::string_view state,
                                                             std::uint64_t bytes,
                                                             base::Registry& metrics) {
  std::unique_ptr<DeadLetters> made(new DeadLetters(world, metrics));
  store::LogLimits limits;
  limits.total_bytes = bytes;
  limits.segment_bytes = std::max<std::uint64_t>(bytes / 8, 64 << 10);
  limits.record_bytes = 16 << 10;
  limits.pending_bytes = 1 << 20;
  limits.when_full = store::WhenFull::drop_oldest;
  made->log_ = TRY(store::SegmentLog::open(
      TRY(world.directory(std::string(state) + "/deadletters", true)), world.loop(), log_lane,
      limits, {}));
  return made;
}

void DeadLetters::set_bytes(std::uint64_t bytes) {
  store::LogLimits limits;
  limits.total_bytes = bytes;
  limits.when_full = store::WhenFull::drop_oldest;
  log_->set_limits(limits);
}

void DeadLetters::add(std::string_view source, std::string_view device, std::string_view reason,
                      base::BytesView payload) {
  counted_->add();
  const base::Instant now = world_.loop().now();
  if (lines_.pass(now))
    base::log::warn("ingest", "message not taken",
                    {{"source", source},
                     {"device", device},
                     {"why", reason},
                     {"bytes", payload.size()},
                     {"held_back", lines_.take_suppressed()}});
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    this_second_ = 0;
  }
  if (++this_second_ > written_per_second) return;
  base::Bytes record;
  base::Writer w(record);
  w.svarint(world_.loop().wall_now().ns);
  w.text(source.substr(0, 1024));
  w.text(device.substr(0, 256));
  w.text(reason.substr(0, 1024));
  w.varint(payload.size());
  w.bytes(payload.subspan(0, std::min(payload.size(), payload_kept)));
  base::ignore(log_->append(record_kind, record), "a full disk may cost dead letters, not readings");
  log_->commit([] {});
}

base::Result<std::vector<DeadLetter>> DeadLetters::list(std::size_t limit) {
  std::vector<DeadLetter> letters;
  TRY(log_->scan({}, [&](const store::Record& record) {
    auto letter = decode(record.payload);
    if (!letter) return true;   // one damaged letter must not hide the others
    letters.push_back(std::move(*letter));
    if (letters.size() > 2 * limit)
      letters.erase(letters.begin(), letters.end() - static_cast<std::ptrdiff_t>(limit));
    return true;
  }));
  std::ranges::reverse(letters);
  if (letters.size() > limit) letters.resize(limit);
  return letters;
}

}  // namespace selvedge::node
