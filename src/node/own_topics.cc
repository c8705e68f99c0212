#include "node/own_topics.h"

#include <algorithm>

#include "codec/mqtt/packet.h"

namespace selvedge::node {
namespace {

constexpr std::string_view word = "{device}", below = "/#";

// Is `text`, a topic or a filter, within the template for this device? Wildcards in a filter are
// only allowed below what the template fixes.
bool is_within(std::string_view pattern, std::string_view device, std::string_view text) {
  const std::size_t at = pattern.find(word);
  std::string_view tail = pattern.substr(at + word.size());
  const bool subtree = tail.ends_with(below);
  if (subtree) tail.remove_suffix(below.size());
  for (const std::string_view part : {pattern.substr(0, at), device, tail}) {
    if (!text.starts_with(part)) return false;
    text.remove_prefix(part.size());
  }
  return text.empty() || (subtree && text.front() == '/');
}

}  // namespace

base::Result<void> check_own_topics(const std::vector<std::string>& templates) {
  const auto wrong = [](const std::string& which, const char* why) {
    return base::fail(base::Code::invalid_input, "devices.topics: '" + which + "': " + why);
  };
  if (templates.empty())
    return base::fail(base::Code::invalid_input, "devices.topics: at least one is needed");
  for (const std::string& each : templates) {
    const std::size_t at = each.find(word);
    if (at == std::string::npos || each.find(word, at + 1) != std::string::npos)
      return wrong(each, "{device} must stand in it once");
    const std::size_t end = at + word.size();
    if ((at > 0 && each[at - 1] != '/') || (end < each.size() && each[end] != '/'))
      return wrong(each, "{device} must be a whole level");
    std::string_view fixed = each;
    if (fixed.ends_with(below)) fixed.remove_suffix(below.size());
    if (fixed.find_first_of("+#$") != std::string_view::npos)
      return wrong(each, "the only wildcard may be '/#' at its end, and no '$'");
    if (!codec::mqtt::is_topic_filter(each)) return wrong(each, "it is no topic filter");
  }
  return {};
}

engine::Access with_own_topics(engine::Access access, std::vector<std::string> templates) {
  const auto own = [templates = std::move(templates)](std::string_view device, std::string_view text) {
    return text.starts_with('$') || std::ranges::any_of(templates, [&](const std::string& each) {
             return is_within(each, device, text);
           });
  };
  const auto both = [own](std::function<bool(std::string_view, std::string_view)> first) {
    return [own, first = std::move(first)](std::string_view device, std::string_view text) {
      return (!first || first(device, text)) && own(device, text);
    };
  };
  return {both(std::move(access.may_publish)), both(std::move(access.may_subscribe))};
}

}  // namespace selvedge::node
