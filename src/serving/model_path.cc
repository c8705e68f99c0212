#include "serving/model_path.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace selvedge::serving {
namespace {

std::string_view take(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('/'), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

}  // namespace

base::Result<ModelPath> parse_model_path(std::string_view rest) {
  ModelPath path;
  const std::string whole = base::printable(rest, 100);
  path.name = take(rest);
  std::string_view next = take(rest);
  if (next == "versions") {
    const std::string_view number = take(rest);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), path.version);
    if (error != std::errc() || end != number.data() + number.size() || path.version == 0)
      return base::fail(base::Code::invalid_input, "version '" + base::printable(number, 32) + "': expected a number from 1 on");
    next = take(rest);
  }
  path.verb = next;
  if (path.name.empty() || !rest.empty()) return base::fail(base::Code::not_found, "there is nothing at models/" + whole);
  return path;
}

}  // namespace selvedge::serving
