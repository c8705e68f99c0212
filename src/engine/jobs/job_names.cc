#include "base/text.h"
#include "engine/jobs/job_book.h"

namespace selvedge::engine {

std::string task_name(const MemberKey& member) {
  return member.job + "." + member.group + "." + std::to_string(member.index);
}

std::optional<MemberKey> member_of(std::string_view name) {
  const std::size_t first = name.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = name.find('.', first + 1);
  if (second == std::string_view::npos || first == 0 || second == first + 1) return std::nullopt;
  const std::string_view digits = name.substr(second + 1);
  const auto index = base::parse_int(digits);
  // One text for one member: "+1" and "01" are none.
  if (!index || *index < 0 || *index >= model::TaskLimits::count || std::to_string(*index) != digits) return std::nullopt;
  return MemberKey{std::string(name.substr(0, first)), std::string(name.substr(first + 1, second - first - 1)),
                   static_cast<std::uint32_t>(*index)};
}

std::string_view name(MemberState state) {
  switch (state) {
    case MemberState::unplaced: return "unplaced";
    case MemberState::placed: return "placed";
    case MemberState::running: return "running";
    case MemberState::done: return "done";
    case MemberState::failed: return "failed";
    case MemberState::leaving: return "leaving";
    case MemberState::lost: return "lost";
  }
  return "";
}

}  // namespace selvedge::engine
