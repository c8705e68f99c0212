#include "engine/admission/source_limit.h"

#include <algorithm>

namespace selvedge::engine {

base::Instant SourceLimit::full_at(std::string_view address) const {
  const auto found = table_.find(source_of(address));
  return found == table_.end() ? base::Instant{INT64_MIN} : found->second->full_at;
}

base::Duration SourceLimit::wait(std::string_view address, base::Instant now) const {
  const base::Instant full = full_at(address);
  if (full <= now) return {};
  // A try is left while less than the whole bucket is missing.
  return std::max(base::Duration::zero(),
                  full - now - limits_.refill * (static_cast<std::int64_t>(limits_.burst) - 1));
}

bool SourceLimit::is_over(std::string_view address, base::Instant now) const {
  return wait(address, now) > base::Duration::zero();
}

bool SourceLimit::allows(std::string_view address, base::Instant now) {
  if (!is_over(address, now)) return true;
  ++refusals_;
  return false;
}

void SourceLimit::failed(std::string_view address, base::Instant now) {
  ++failures_;
  forget_full(now);
  const Source source = source_of(address);
  const auto found = table_.find(source);
  if (found == table_.end()) {
    if (table_.size() >= std::max<std::uint32_t>(limits_.sources, 1)) {
      table_.erase(entries_.back().source);
      entries_.pop_back();
    }
    entries_.push_front({source, now + limits_.refill});
    table_.emplace(source, entries_.begin());
    return;
  }
  entries_.splice(entries_.begin(), entries_, found->second);
  Entry& entry = entries_.front();
  // No deeper in debt than the bucket is large: a source is never away for longer than one refill.
  const base::Duration most = limits_.refill * static_cast<std::int64_t>(limits_.burst);
  entry.full_at = std::min(std::max(entry.full_at, now) + limits_.refill, now + most);
}

void SourceLimit::proved(std::string_view address) {
  const auto found = table_.find(source_of(address));
  if (found == table_.end()) return;
  entries_.erase(found->second);
  table_.erase(found);
}

// A few from the end, where those are that failed long ago.
void SourceLimit::forget_full(base::Instant now) {
  for (int i = 0; i < 4 && !entries_.empty() && entries_.back().full_at <= now; ++i) {
    table_.erase(entries_.back().source);
    entries_.pop_back();
  }
}

}  // namespace selvedge::engine
