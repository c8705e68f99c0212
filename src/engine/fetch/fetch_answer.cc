#include "engine/fetch/fetch_answer.h"

#include <charconv>

namespace selvedge::engine {

using base::Code;

namespace {

using Is = FetchVerdict::Is;

// Digits only, so that neither a sign nor a blank slips in; nothing if it does not fit.
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A date is allowed there too; it asks for a pause like any other.
base::Duration pause_of(std::string_view retry_after) {
  const auto seconds = number(retry_after);
  return std::chrono::seconds(seconds && *seconds < 3600 ? *seconds : seconds ? 3600 : 0);
}

}  // namespace

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view unit = "bytes ";
  if (!text.starts_with(unit)) return std::nullopt;
  text.remove_prefix(unit.size());
  const std::size_t dash = text.find('-'), slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash)
    return std::nullopt;
  const auto first = number(text.substr(0, dash));
  const auto last = number(text.substr(dash + 1, slash - dash - 1));
  const auto size = number(text.substr(slash + 1));
  if (!first || !last || !size || *first > *last || *last >= *size) return std::nullopt;
  return ContentRange{*first, *last, *size};
}

FetchVerdict judge(const FetchAnswer& answer, std::uint64_t first, std::uint64_t last,
                   std::uint64_t size) {
  const std::string status = std::to_string(answer.status);
  const std::uint64_t length = last - first + 1;
  switch (answer.status) {
    case 206: {
      const auto range = parse_content_range(answer.content_range);
      if (!range || range->first != first || range->last != last)
        return {Is::nonsense, {Code::corrupt, "the server sends other bytes than were asked for"}, {}};
      if (range->size != size)
        return {Is::hopeless, {Code::corrupt, "the server's copy has another size than the manifest says"}, {}};
      break;
    }
    case 200:
      if (length != size)
        return {Is::nonsense, {Code::corrupt, "the server sends everything where a part was asked for"}, {}};
      break;
    case 401: case 403:
      return {Is::hopeless, {Code::denied, "the server refuses (" + status + ")"}, {}};
    case 404: case 410:
      return {Is::hopeless, {Code::not_found, "the server does not have it (" + status + ")"}, {}};
    case 416:
      return {Is::hopeless, {Code::corrupt, "the server's copy is shorter than the manifest says"}, {}};
    case 408: case 425: case 429:
      return {Is::later, {Code::unavailable, "the server asks to come later (" + status + ")"},
              pause_of(answer.retry_after)};
    default:
      if (answer.status >= 500)
        return {Is::later, {Code::unavailable, "the server is in trouble (" + status + ")"},
                pause_of(answer.retry_after)};
      return {Is::hopeless, {Code::internal, "the server answered " + status}, {}};
  }
  if (answer.length && *answer.length != length)
    return {Is::nonsense, {Code::corrupt, "the server announces another length than was asked for"}, {}};
  return {};
}

}  // namespace selvedge::engine
