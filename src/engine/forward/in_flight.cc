#include "engine/forward/in_flight.h"

#include <algorithm>

namespace selvedge::engine {

void InFlight::add(Lane lane, const std::vector<std::uint64_t>& blocks, std::uint64_t bytes,
                   base::Instant now) {
  if (blocks.empty()) return;
  Message message{.lane = lane, .sent_at = now, .bytes = bytes, .blocks = blocks.size(), .runs = {}};
  for (const std::uint64_t block : blocks) {
    if (!message.runs.empty() && message.runs.back().second + 1 == block)
      message.runs.back().second = block;
    else
      message.runs.emplace_back(block, block);
  }
  const std::uint64_t number = next_message_++;
  for (const auto& [first, last] : message.runs) runs_.emplace(first, Run{last, number});
  bytes_[static_cast<std::size_t>(lane)] += bytes;
  messages_.emplace(number, std::move(message));
}

// Gives back the bytes of some blocks of a message: their share, as blocks are not weighed one by
// one; the last block gives back what is left.
void InFlight::release(std::uint64_t number, std::uint64_t blocks) {
  const auto found = messages_.find(number);
  Message& message = found->second;
  const std::uint64_t share =
      blocks >= message.blocks ? message.bytes : message.bytes / message.blocks * blocks;
  message.bytes -= share;
  message.blocks -= blocks;
  bytes_[static_cast<std::size_t>(message.lane)] -= share;
  if (message.blocks == 0) messages_.erase(found);
}

std::vector<InFlight::Range> InFlight::take(std::uint64_t first, std::uint64_t last) {
  std::vector<Range> taken;
  auto at = runs_.upper_bound(first);
  if (at != runs_.begin() && std::prev(at)->second.last >= first) --at;
  while (at != runs_.end() && at->first <= last) {
    const std::uint64_t from = at->first;
    const Run run = at->second;
    at = runs_.erase(at);
    const std::uint64_t a = std::max(from, first), b = std::min(run.last, last);
    if (from < a) runs_.emplace(from, Run{a - 1, run.message});
    if (b < run.last) at = runs_.emplace(b + 1, Run{run.last, run.message}).first;
    taken.emplace_back(a, b);
    latest_taken_ = std::max(latest_taken_, run.message);
    release(run.message, b - a + 1);
  }
  return taken;
}

std::optional<base::Instant> InFlight::late_at(base::Duration timeout) const {
  if (messages_.empty()) return std::nullopt;
  const auto& [number, message] = *messages_.begin();
  if (number < latest_taken_) return message.sent_at + timeout;
  return std::max(message.sent_at, progress_at_) + timeout;
}

std::vector<InFlight::Range> InFlight::take_late(base::Instant now, base::Duration timeout) {
  std::vector<Range> taken;
  while (!messages_.empty() && late_at(timeout) <= now) {
    const std::uint64_t number = messages_.begin()->first;
    const std::vector<Range> runs = messages_.begin()->second.runs;
    for (const auto& [first, last] : runs) take_of(number, first, last, taken);
  }
  return taken;
}

// Between the first and the last of a run as it was sent may by now be blocks of later messages.
void InFlight::take_of(std::uint64_t number, std::uint64_t first, std::uint64_t last,
                       std::vector<Range>& taken) {
  for (auto at = runs_.lower_bound(first); at != runs_.end() && at->first <= last;) {
    if (at->second.message != number) {
      ++at;
      continue;
    }
    taken.emplace_back(at->first, at->second.last);
    const std::uint64_t blocks = at->second.last - at->first + 1;
    at = runs_.erase(at);
    release(number, blocks);
  }
}

std::vector<InFlight::Range> InFlight::take_all() {
  std::vector<Range> taken;
  for (const auto& [first, run] : runs_) taken.emplace_back(first, run.last);
  runs_.clear();
  messages_.clear();
  bytes_[0] = bytes_[1] = 0;
  return taken;
}

std::optional<InFlight::Range> InFlight::find(std::uint64_t block) const {
  const auto after = runs_.upper_bound(block);
  if (after == runs_.begin()) return std::nullopt;
  const auto at = std::prev(after);
  if (at->second.last < block) return std::nullopt;
  return Range{at->first, at->second.last};
}

std::optional<std::uint64_t> InFlight::next_start(std::uint64_t block) const {
  const auto after = runs_.upper_bound(block);
  if (after == runs_.end()) return std::nullopt;
  return after->first;
}

}  // namespace selvedge::engine
