#include "things/http_conditions.h"

#include <array>
#include <charconv>

#include "base/text.h"

namespace selvedge::things {

namespace {

using base::Code;
using base::Result;

// True if one of a list of entity tags is `etag`; '*' is any that exists. A weak tag's W/ is passed
// over: a write changes the same thing either way, and nothing here makes weak ones.
bool lists(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    const std::size_t begin = list.find_first_not_of(" \t,");
    if (begin == std::string_view::npos) return false;
    list.remove_prefix(begin);
    if (list.front() == '*') return !etag.empty();
    if (list.starts_with("W/")) list.remove_prefix(2);
    std::size_t end = list.find(',');
    if (list.front() == '"') {
      end = list.find('"', 1);
      if (end != std::string_view::npos) ++end;
    }
    std::string_view tag = list.substr(0, end);
    while (tag.ends_with(' ') || tag.ends_with('\t')) tag.remove_suffix(1);
    if (!etag.empty() && tag == etag) return true;
    if (end == std::string_view::npos) return false;
    list.remove_prefix(end);
  }
  return false;
}

Reply failed(std::string_view header, std::string_view expected, std::string_view is) {
  return refused(412, "things:precondition.failed",
                 "the precondition " + std::string(header) + ": " + base::printable(expected) +
                     " does not hold" +
                     (is.empty() ? "; there is nothing" : "; it is " + std::string(is)));
}

}  // namespace

Result<Conditions> Conditions::parse(
    const std::function<std::string_view(std::string_view)>& header) {
  Conditions conditions;
  conditions.if_match = header("if-match");
  conditions.if_none_match = header("if-none-match");
  conditions.condition = header("condition");
  const std::string_view equal = header("if-equal");
  if (equal == "skip" || equal == "skip-minimizing-merge") {
    // A merge leaves equal values alone in any case.
    conditions.if_equal = IfEqual::skip;
  } else if (!equal.empty() && equal != "update") {
    return base::fail(Code::invalid_input,
                      "if-equal: expected update, skip or skip-minimizing-merge");
  }
  return conditions;
}

std::string revision_etag(std::uint64_t revision) {
  return "\"rev:" + std::to_string(revision) + "\"";
}

// FNV-1a, 64 bits (Fowler, Noll, Vo): tells versions of one part apart; no defence against anyone.
std::string hash_etag(std::string_view json) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : json) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  std::array<char, 16> digits;
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), hash, 16).ptr;
  return "\"hash:" + std::string(digits.data(), static_cast<std::size_t>(end - digits.data())) + "\"";
}

std::optional<Reply> unmet(const Conditions& conditions, Access access, std::string_view id,
                           const engine::Twin* twin, std::string_view etag) {
  if (!conditions.if_match.empty() && !lists(conditions.if_match, etag))
    return failed("If-Match", conditions.if_match, etag);
  if (!conditions.if_none_match.empty() && lists(conditions.if_none_match, etag)) {
    if (access == Access::write) return failed("If-None-Match", conditions.if_none_match, etag);
    Reply reply;
    reply.status = 304;
    reply.etag = etag;
    return reply;
  }
  if (conditions.condition.empty()) return std::nullopt;
  const auto filter = engine::TwinFilter::parse(conditions.condition);
  if (!filter) return refused(400, "rql.expression.invalid", "condition: " + filter.error().message);
  if (twin != nullptr && filter->matches(id, *twin)) return std::nullopt;
  return refused(412, "things:thing.condition.failed",
                 "the condition " + base::printable(conditions.condition) + " does not hold");
}

}  // namespace selvedge::things
