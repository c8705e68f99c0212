#include "engine/admission/rate_limit.h"

#include <algorithm>

namespace selvedge::engine {

bool RateLimit::take(std::string_view name, base::Instant now) {
  const base::Duration each = base::Duration(std::chrono::seconds(1)) / std::max(limits_.per_second, 1u);
  auto at = whole_at_.find(name);
  if (at == whole_at_.end()) {
    if (whole_at_.size() >= limits_.names)
      std::erase_if(whole_at_, [now](const auto& entry) { return entry.second <= now; });
    if (whole_at_.size() >= limits_.names) return false;
    at = whole_at_.emplace(std::string(name), now).first;
  }
  const base::Instant next = std::max(at->second, now) + each;
  if (next - now > each * limits_.burst) return false;
  at->second = next;
  return true;
}

}  // namespace selvedge::engine
