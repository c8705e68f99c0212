#include "codec/mqtt/packet.h"
#include "codec/mqtt/text.h"

namespace selvedge::codec::mqtt {
namespace {

constexpr std::size_t longest = 65'535;
constexpr std::string_view share = "$share/";

// Takes the first level off `rest`; `more` says whether a separator followed it.
std::string_view cut_level(std::string_view& rest, bool& more) {
  const std::size_t slash = rest.find('/');
  more = slash != rest.npos;
  const std::string_view level = rest.substr(0, slash);
  rest.remove_prefix(more ? slash + 1 : rest.size());
  return level;
}

}  // namespace

bool is_topic_name(std::string_view topic) {
  if (topic.empty() || topic.size() > longest) return false;
  const TextScan scan = scan_topic(topic);
  return scan.valid && scan.wildcards == Wildcards::none;
}

bool is_topic_filter(std::string_view filter) {
  if (filter.empty() || filter.size() > longest) return false;
  const TextScan scan = scan_topic(filter);
  if (!scan.valid) return false;
  if (scan.wildcards == Wildcards::none) return true;
  for (std::size_t i = 0; i < filter.size(); ++i) {
    if (filter[i] != '+' && filter[i] != '#') continue;
    const bool begins = i == 0 || filter[i - 1] == '/';
    const bool last = i + 1 == filter.size();
    const bool ends = last || (filter[i] == '+' && filter[i + 1] == '/');
    if (!begins || !ends) return false;
  }
  return true;
}

bool matches(std::string_view filter, std::string_view topic) {
  if (filter.empty() || topic.empty()) return false;
  if (topic.front() == '$' && (filter.front() == '+' || filter.front() == '#')) return false;
  for (;;) {
    bool more_filter = false, more_topic = false;
    const std::string_view wanted = cut_level(filter, more_filter);
    if (wanted == "#") return true;
    const std::string_view level = cut_level(topic, more_topic);
    if (wanted != "+" && wanted != level) return false;
    if (!more_topic) return !more_filter || filter == "#";  // "a/#" matches "a" too
    if (!more_filter) return false;
  }
}

std::optional<SharedFilter> split_shared(std::string_view filter) {
  if (!filter.starts_with(share)) return SharedFilter{.group = {}, .filter = filter};
  filter.remove_prefix(share.size());
  const std::size_t slash = filter.find('/');
  if (slash == filter.npos || slash == 0 || slash + 1 == filter.size()) return std::nullopt;
  const SharedFilter shared{.group = filter.substr(0, slash), .filter = filter.substr(slash + 1)};
  if (shared.group.find_first_of("+#") != shared.group.npos) return std::nullopt;
  if (!is_topic_filter(shared.filter)) return std::nullopt;
  return shared;
}

}  // namespace selvedge::codec::mqtt
