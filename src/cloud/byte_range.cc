#include "cloud/byte_range.h"

#include <algorithm>

#include "engine/fetch/fetch_answer.h"

namespace selvedge::cloud {

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  if (text.empty() || text.size() > 19) return std::nullopt;   // fits into 64 bits
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return value;
}

}  // namespace

RangeWanted parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (!header.starts_with(unit)) return {};
  header.remove_prefix(unit.size());
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view from = header.substr(0, dash), to = header.substr(dash + 1);
  const auto first = number(from), last = number(to);
  if (from.empty()) {   // the last so many
    if (!last) return {};
    if (*last == 0 || size == 0) return {RangeIs::not_satisfiable, {}};
    return {RangeIs::satisfiable, {size - std::min(*last, size), size - 1}};
  }
  if (!first || (!to.empty() && !last) || (last && *last < *first)) return {};
  if (*first >= size) return {RangeIs::not_satisfiable, {}};
  return {RangeIs::satisfiable, {*first, std::min(last.value_or(size - 1), size - 1)}};
}

std::optional<RangeCarried> parse_range_carried(std::string_view header) {
  const auto parsed = engine::parse_content_range(header);
  if (!parsed) return std::nullopt;
  return RangeCarried{{parsed->first, parsed->last}, parsed->size};
}

}  // namespace selvedge::cloud
