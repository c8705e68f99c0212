#include "engine/twin/place.h"

#include <algorithm>

#include "base/text.h"
#include "engine/twin/json_text.h"
#include "engine/twin/twin.h"

namespace selvedge::engine::twin {
namespace {

using base::Code;
using model::TwinPart;

constexpr std::string_view features_path = "/features";

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

// Takes the first token, with its slash.
std::string_view take_token(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('/', 1), rest.size());
  const std::string_view token = rest.substr(0, end);
  rest.remove_prefix(end);
  return token;
}

bool valid_token(std::string_view token, const TwinLimits& limits) {
  std::size_t bytes = 0;
  for (std::size_t i = 1; i < token.size(); ++i, ++bytes)
    if (token[i] == '~' && (++i == token.size() || (token[i] != '0' && token[i] != '1'))) return false;
  return bytes <= limits.name_bytes && !has_control(token) && base::is_utf8(token);
}

bool visible_at_or_beneath(const Entries& entries, Key key, bool itself) {
  for (std::size_t i = entries.lower_bound(key); i < entries.size(); ++i) {
    const Entries::View entry = entries.at(i);
    if (entry.key.part != key.part) return false;
    const bool same = entry.key.path == key.path;
    if (!same && !is_beneath(entry.key.path, key.path)) return false;
    if (!entry.value.empty() && (itself || !same)) return true;
  }
  return false;
}

}  // namespace

base::Result<void> check_name(std::string_view name, const TwinLimits& limits) {
  if (name.size() > limits.name_bytes)
    return base::fail(Code::invalid_input, "a member's name of " + std::to_string(name.size()) +
                                               " bytes is too long: at most " +
                                               std::to_string(limits.name_bytes));
  if (has_control(name))
    return base::fail(Code::invalid_input,
                      "the member name '" + base::printable(name) + "' has control characters");
  return {};
}

std::size_t depth_of(TwinPart part, std::string_view path) {
  const auto tokens = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
  const std::size_t above = part == TwinPart::reported || part == TwinPart::desired ? 1 : 0;
  return tokens > above ? tokens - above : 0;
}

bool is_path(TwinPart part, std::string_view path, const TwinLimits& limits) {
  const bool mark = is_mark(path);
  std::string_view rest = mark ? marked(path) : path;
  if (!rest.empty() && rest[0] != '/') return false;
  if (depth_of(part, rest) > limits.depth) return false;
  if (part == TwinPart::about) {
    if (rest.empty() || rest == features_path) return true;
    if (rest == "/definition" || rest == "/policyId") return !mark;
    if (!rest.starts_with("/features/")) return false;
    rest.remove_prefix(features_path.size());
    if (!valid_token(take_token(rest), limits)) return false;
    return rest.empty() || (rest == "/definition" && !mark);
  }
  if (part != TwinPart::attributes && mark && rest.empty()) return false;
  while (!rest.empty())
    if (!valid_token(take_token(rest), limits)) return false;
  return true;
}

base::Result<Place> Place::parse(std::string_view pointer, const TwinLimits& limits) {
  const auto refuse = [&](std::string_view why) {
    return base::fail(Code::invalid_input,
                      "pointer '" + base::printable(pointer) + "': " + std::string(why));
  };
  if (pointer.empty()) return document();
  if (pointer[0] != '/') return refuse("it must be empty or begin with '/'");
  for (std::string_view rest = pointer; !rest.empty();)
    if (!valid_token(take_token(rest), limits)) return refuse("a name in it is malformed or too long");
  Place place;
  std::string_view rest = pointer;
  const std::string_view first = take_token(rest);
  if (first == "/thingId") {
    place.level = Level::id;
    if (!rest.empty()) return refuse("thingId has no members");
  } else if (first == "/definition" || first == "/policyId") {
    if (!rest.empty()) return refuse("there are no members");
    return inner(TwinPart::about, first);
  } else if (first == "/attributes") {
    place = inner(TwinPart::attributes, rest);
  } else if (first == features_path) {
    if (rest.empty()) return features();
    const std::string_view feature_path = take_token(rest);
    if (rest.empty()) return feature(feature_path);
    const std::string_view third = take_token(rest);
    if (third == "/definition") {
      if (!rest.empty()) return refuse("there are no members");
      return inner(TwinPart::about, std::string(features_path).append(feature_path).append(third));
    }
    if (third != "/properties" && third != "/desiredProperties")
      return refuse("a feature has definition, properties and desiredProperties");
    place = inner(third == "/properties" ? TwinPart::reported : TwinPart::desired,
                  std::string(feature_path).append(rest));
  } else {
    return refuse("a twin has thingId, definition, policyId, attributes and features");
  }
  if (depth_of(place.part, place.path) > limits.depth)
    return refuse("it is deeper than " + std::to_string(limits.depth) + " levels");
  return place;
}

Place Place::of(Key key) {
  if (key.part != TwinPart::about || key.path == "/definition" || key.path == "/policyId")
    return inner(key.part, key.path);
  if (key.path.empty()) return document();
  if (key.path == features_path) return features();
  const std::string_view rest = key.path.substr(features_path.size());
  return rest.find('/', 1) == std::string_view::npos ? feature(rest) : inner(key.part, key.path);
}

std::string Place::pointer() const {
  switch (level) {
    case Level::document: return {};
    case Level::id: return "/thingId";
    case Level::features: return std::string(features_path);
    case Level::feature: return std::string(features_path) + path;
    case Level::inner: break;
  }
  if (part == TwinPart::about) return path;
  if (part == TwinPart::attributes) return "/attributes" + path;
  std::string_view rest = path;
  std::string text(features_path);
  text += take_token(rest);
  text += part == TwinPart::reported ? "/properties" : "/desiredProperties";
  return text.append(rest);
}

Place Place::parent() const {
  const std::string above = path.substr(0, std::min(path.rfind('/'), path.size()));
  switch (level) {
    case Level::document:
    case Level::id:
    case Level::features: return document();
    case Level::feature: return features();
    case Level::inner: break;
  }
  if (part == TwinPart::about)
    return above.empty() ? document() : feature(std::string_view(above).substr(features_path.size()));
  if (part == TwinPart::attributes) return path.empty() ? document() : inner(part, above);
  return above.empty() ? feature(path) : inner(part, above);
}

std::string_view Place::name() const {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string_view(path) : std::string_view(path).substr(slash + 1);
}

std::array<Place::Range, 4> Place::ranges(std::size_t& count) const {
  switch (level) {
    case Level::id: count = 0; return {};
    case Level::document:
      count = 4;
      return {{{TwinPart::about, {}}, {TwinPart::attributes, {}}, {TwinPart::reported, {}},
               {TwinPart::desired, {}}}};
    case Level::features:
      count = 3;
      return {{{TwinPart::about, std::string(features_path)}, {TwinPart::reported, {}},
               {TwinPart::desired, {}}, {}}};
    case Level::feature:
      count = 3;
      return {{{TwinPart::about, std::string(features_path) + path}, {TwinPart::reported, path},
               {TwinPart::desired, path}, {}}};
    case Level::inner: break;
  }
  count = 1;
  return {{{part, path}, {}, {}, {}}};
}

Place::Range Place::mark() const {
  std::size_t count = 0;
  const auto all = ranges(count);
  return {all[0].part, all[0].path + std::string(mark_suffix)};
}

bool Place::must_be_object() const {
  if (level != Level::inner) return true;
  if (part == TwinPart::attributes) return path.empty();
  return part != TwinPart::about && path.find('/', 1) == std::string::npos;
}

bool is_there(const Entries& entries, const Place& place) {
  std::size_t count = 0;
  const auto ranges = place.ranges(count);
  return std::any_of(ranges.begin(), ranges.begin() + static_cast<std::ptrdiff_t>(count),
                     [&](const Place::Range& r) {
                       return visible_at_or_beneath(entries, {r.part, r.path}, true);
                     });
}

bool is_object(const Entries& entries, const Place& place) {
  if (place.level != Place::Level::inner) return is_there(entries, place);
  return visible_at_or_beneath(entries, {place.part, place.path}, false);
}

}  // namespace selvedge::engine::twin
