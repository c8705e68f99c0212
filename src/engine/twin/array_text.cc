#include "engine/twin/array_text.h"

#include <algorithm>

#include "base/text.h"
#include "engine/twin/json_text.h"
#include "engine/twin/place.h"
#include "base/json_pointer.h"

namespace selvedge::engine::twin {
namespace {

using base::Code;

// Where a value, or a member with its name, lies in the text.
struct Found {
  std::size_t begin = 0, end = 0;      // of the element, or of the member with its name
  std::size_t value = 0;               // where the value begins
  std::size_t count = 0;               // elements before it; all, if it was not found
  bool found = false;
};

// The end of the value that begins at `at` in canonical text.
std::size_t end_of(std::string_view text, std::size_t at) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      else if (c == '"') quoted = false;
      if (!quoted && depth == 0) return i + 1;
      continue;
    }
    if (c == '"') quoted = true;
    else if (c == '[' || c == '{') ++depth;
    else if (c == ']' || c == '}') {
      if (depth == 0) return i;
      if (--depth == 0) return i + 1;
    } else if (depth == 0 && (c == ',' || c == ':')) {
      return i;
    }
  }
  return text.size();
}

Found element(std::string_view array, std::size_t index) {
  Found f;
  for (std::size_t at = 1; at < array.size() && array[at] != ']';) {
    const std::size_t end = end_of(array, at);
    if (f.count == index) return {at, end, at, f.count, true};
    ++f.count;
    at = end < array.size() && array[end] == ',' ? end + 1 : end;
  }
  return f;
}

Found member(std::string_view object, std::string_view name) {
  Found f, best;
  std::string scratch;
  for (std::size_t at = 1; at < object.size() && object[at] != '}';) {
    const std::size_t colon = end_of(object, at);
    const std::size_t end = end_of(object, colon + 1);
    // Of members with the same name the last counts.
    if (json_string(object.substr(at, colon - at), scratch) == name)
      best = {at, end, colon + 1, f.count, true};
    ++f.count;
    at = end < object.size() && object[end] == ',' ? end + 1 : end;
  }
  return best.found ? best : f;
}

base::Result<std::size_t> index(std::string_view token) {
  const bool number = !token.empty() && token.size() <= 9 && (token == "0" || token[0] != '0') &&
                      std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!number)
    return base::fail(Code::invalid_input, "'" + base::printable(token) + "' is no index of an array");
  return static_cast<std::size_t>(base::parse_int(token).value_or(0));
}

std::unexpected<base::Error> missing(std::string_view pointer) {
  return base::fail(Code::not_found, "nothing is at '" + base::printable(pointer) + "' in the array");
}

std::string_view take_token(std::string_view& pointer) {
  const std::size_t end = std::min(pointer.find('/', 1), pointer.size());
  const std::string_view token = pointer.substr(1, end - 1);
  pointer.remove_prefix(end);
  return token;
}

base::Result<Found> step(std::string_view value, std::string_view token) {
  if (value.starts_with('[')) return element(value, TRY(index(token)));
  if (value.starts_with('{')) return member(value, base::pointer_name(token));
  return Found{};
}

}  // namespace

base::Result<std::string_view> inside(std::string_view value, std::string_view pointer) {
  for (std::string_view rest = pointer; !rest.empty();) {
    const std::string_view token = take_token(rest);
    const Found f = TRY(step(value, token));
    if (!f.found) return missing(pointer);
    value = value.substr(f.value, f.end - f.value);
  }
  return value;
}

base::Result<std::string> changed_inside(std::string_view value, std::string_view pointer,
                                         ArrayChange change, std::string_view with) {
  const std::size_t slash = pointer.rfind('/');
  const std::string_view holder = TRY(inside(value, pointer.substr(0, slash)));
  const std::string_view token = pointer.substr(slash + 1);
  const bool array = holder.starts_with('[');
  if (!array && !holder.starts_with('{')) return missing(pointer);
  const bool at_end = array && token == "-";
  Found f;
  if (at_end) f = element(holder, SIZE_MAX);
  else f = TRY(step(holder, token));
  const bool append = !f.found && change == ArrayChange::add &&
                      (!array || at_end || TRY(index(token)) == f.count);
  if (!f.found && !append) return missing(pointer);

  const auto base_at = static_cast<std::size_t>(holder.data() - value.data());
  std::string out(value);
  if (append) {
    std::string added = f.count > 0 ? "," : "";
    if (!array) {
      append_json_string(added, base::pointer_name(token));
      added += ':';
    }
    out.insert(base_at + holder.size() - 1, added.append(with));
  } else if (change == ArrayChange::remove) {
    // With the comma before it, or else the one behind it.
    const std::size_t begin = f.count > 0 ? f.begin - 1 : f.begin;
    const std::size_t end = f.count == 0 && holder[f.end] == ',' ? f.end + 1 : f.end;
    out.erase(base_at + begin, end - begin);
  } else if (array && change == ArrayChange::add) {
    out.insert(base_at + f.begin, std::string(with) + ',');
  } else {
    out.replace(base_at + f.value, f.end - f.value, with);
  }
  return out;
}

}  // namespace selvedge::engine::twin
