// http_conditions: what must hold for a request to be carried out: If-Match, If-None-Match (RFC 9110,
// 13), and Ditto's condition= (RQL) and if-equal.

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/twin/twin.h"
#include "things/http_reply.h"

namespace selvedge::things {

struct Conditions {
  enum class IfEqual : std::uint8_t { update, skip };

  std::string if_match, if_none_match;  // as sent; "" if not
  std::string condition;                // RQL
  IfEqual if_equal = IfEqual::update;

  // `header` gives the value of a header by its lower-case name, "" if it was not sent.
  static base::Result<Conditions> parse(
      const std::function<std::string_view(std::string_view)>& header);

  bool on_etag() const { return !if_match.empty() || !if_none_match.empty(); }
};

// "rev:12", and "hash:1f.." of the JSON text of a part; with quotes.
std::string revision_etag(std::uint64_t revision);
std::string hash_etag(std::string_view json);

enum class Access : std::uint8_t { read, write };
// What to answer if the conditions do not hold (304, 412, 400); nothing if they do. `twin` is null if
// there is none, `etag` is "" if there is nothing at the pointer.
std::optional<Reply> unmet(const Conditions& conditions, Access access, std::string_view id,
                           const engine::Twin* twin, std::string_view etag);

}  // namespace selvedge::things
