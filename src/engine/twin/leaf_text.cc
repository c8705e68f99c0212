#include "engine/twin/leaf_text.h"

#include <algorithm>

#include "base/text.h"
#include "base/time.h"
#include "engine/twin/json_text.h"
#include "base/json_pointer.h"

namespace selvedge::engine::twin {
namespace {

using model::TwinPart;

constexpr std::string_view features_path = "/features";

void append_name(std::string& out, std::string_view token) {
  const bool plain = std::all_of(token.begin(), token.end(), [](char c) {
    return c != '"' && c != '\\' && c != '~';
  });
  if (plain) {
    out += '"';
    out += token;
    out += '"';
  } else {
    append_json_string(out, base::pointer_name(token));
  }
  out += ':';
}

std::string_view token_at(std::string_view path, std::size_t at) {
  const std::size_t end = path.find('/', at + 1);
  return path.substr(at + 1, (end == std::string_view::npos ? path.size() : end) - at - 1);
}

void separate(std::string& out, bool& comma) {
  if (comma) out += ',';
  comma = true;
}

bool is_leaf_at(ShownLeaves leaves, std::string_view path) {
  return leaves.size() == 1 && leaves[0].key.path == path;
}

}  // namespace

std::vector<ShownLeaf> visible(const Entries& entries, const Place& place) {
  std::vector<ShownLeaf> found;
  std::size_t count = 0;
  const auto ranges = place.ranges(count);
  for (std::size_t r = 0; r < count; ++r) {
    const Key key{ranges[r].part, ranges[r].path};
    const std::size_t first = entries.lower_bound(key);
    if (r == 0) found.reserve(entries.size() - std::min(entries.size(), first));
    for (std::size_t i = first; i < entries.size(); ++i) {
      const Entries::View entry = entries.at(i);
      if (entry.key.part != key.part ||
          (entry.key.path != key.path && !is_beneath(entry.key.path, key.path)))
        break;
      if (!entry.value.empty()) found.push_back(entry);
    }
  }
  return found;
}

ShownLeaves beneath(ShownLeaves leaves, Key key) {
  const auto first = std::partition_point(leaves.begin(), leaves.end(), [&](const ShownLeaf& leaf) {
    return compare(leaf.key, key) < 0;
  });
  const auto last = std::partition_point(first, leaves.end(), [&](const ShownLeaf& leaf) {
    return leaf.key.part == key.part &&
           (leaf.key.path == key.path || is_beneath(leaf.key.path, key.path));
  });
  return {first, last};
}

void append_metadata(std::string& out, const ShownLeaf& leaf) {
  constexpr std::int64_t most_ms = 253'402'300'799'000;  // the year 9999
  const std::int64_t ms = std::min(milliseconds(leaf.stamp), most_ms);
  // Nanoseconds since 1970 end in 2262; later stamps are those of a broken clock.
  const base::Time time{std::min<std::int64_t>(ms, INT64_MAX / 1'000'000) * 1'000'000};
  char origin[9];
  for (int i = 0; i < 8; ++i) origin[i] = "0123456789abcdef"[leaf.stamp.origin >> (28 - 4 * i) & 15];
  out += "{\"version\":";
  out += std::to_string(leaf.changed);
  out += ",\"timestamp\":\"";
  out += base::to_iso8601(time);
  out += "\",\"origin\":\"";
  out.append(origin, 8);
  out += "\"}";
}

void LeafText::leaf(std::string& out, const ShownLeaf& leaf) const {
  if (print_ == Print::metadata) append_metadata(out, leaf);
  else out += leaf.value;
}

bool LeafText::choose(Chosen& chosen, std::string_view name) const {
  if (chosen.whole) return true;
  const std::string plain = base::pointer_name(name);
  bool whole = false;
  chosen.set = fields_->at(chosen.set, chosen.level, plain, whole);
  chosen.whole = whole;
  ++chosen.level;
  return whole || chosen.set != 0;
}

void LeafText::object(std::string& out, ShownLeaves leaves, std::size_t path_bytes,
                      Chosen chosen) const {
  out += '{';
  bool comma = false;
  for (std::size_t i = 0; i < leaves.size();) {
    const std::string_view path = leaves[i].key.path;
    const std::string_view token = token_at(path, path_bytes);
    const std::size_t member_bytes = path_bytes + 1 + token.size();
    std::size_t end = i + 1;
    const std::string_view member = path.substr(0, member_bytes);
    while (end < leaves.size() && is_beneath(leaves[end].key.path, member)) ++end;
    const ShownLeaves group = leaves.subspan(i, end - i);
    i = end;
    if (token == "~") continue;
    Chosen below = chosen;
    if (!choose(below, token)) continue;
    const bool is_leaf = path.size() == member_bytes;
    // A field that goes on beneath a scalar names nothing.
    if (is_leaf && !below.whole) continue;
    separate(out, comma);
    append_name(out, token);
    if (is_leaf) leaf(out, group[0]);
    else object(out, group, member_bytes, below);
  }
  out += '}';
}

void LeafText::part(std::string& out, ShownLeaves leaves, Key key, Chosen chosen) const {
  if (is_leaf_at(leaves, key.path)) leaf(out, leaves[0]);
  else object(out, leaves, key.path.size(), chosen);
}

void LeafText::feature(std::string& out, ShownLeaves leaves, std::string_view path,
                       Chosen chosen) const {
  const std::string about = std::string(features_path).append(path);
  const ShownLeaves own = beneath(leaves, {TwinPart::about, about});
  if (is_leaf_at(own, about)) return leaf(out, own[0]);
  out += '{';
  bool comma = false;
  const auto member = [&](std::string_view name, TwinPart part_of, const std::string& at) {
    const ShownLeaves group = beneath(leaves, {part_of, at});
    Chosen below = chosen;
    if (group.empty() || !choose(below, name)) return;
    separate(out, comma);
    append_name(out, name);
    part(out, group, {part_of, at}, below);
  };
  member("definition", TwinPart::about, about + "/definition");
  member("properties", TwinPart::reported, std::string(path));
  member("desiredProperties", TwinPart::desired, std::string(path));
  out += '}';
}

void LeafText::features(std::string& out, ShownLeaves leaves, Chosen chosen) const {
  ShownLeaves about = beneath(leaves, {TwinPart::about, features_path});
  if (is_leaf_at(about, features_path)) return leaf(out, about[0]);
  ShownLeaves reported = beneath(leaves, {TwinPart::reported, {}});
  ShownLeaves desired = beneath(leaves, {TwinPart::desired, {}});
  out += '{';
  bool comma = false;
  for (;;) {
    // The first name of those that come next in each part.
    std::string_view name;
    const auto next = [&](ShownLeaves& from, std::size_t at) {
      while (!from.empty() && token_at(from[0].key.path, at) == "~") from = from.subspan(1);
      if (from.empty()) return;
      const std::string_view path = from[0].key.path;
      const std::string_view token = path.substr(at, token_at(path, at).size() + 1);
      if (name.empty() || compare(token, name) < 0) name = token;
    };
    next(about, features_path.size());
    next(reported, 0);
    next(desired, 0);
    if (name.empty()) break;
    const auto pass = [&](ShownLeaves& from, std::size_t at) {
      while (!from.empty()) {
        const std::string_view path = from[0].key.path.substr(at);
        if (path != name && !is_beneath(path, name)) break;
        from = from.subspan(1);
      }
    };
    pass(about, features_path.size());
    pass(reported, 0);
    pass(desired, 0);
    Chosen below = chosen;
    if (!choose(below, name.substr(1))) continue;
    separate(out, comma);
    append_name(out, name.substr(1));
    feature(out, leaves, name, below);
  }
  out += '}';
}

void LeafText::document(std::string& out, ShownLeaves leaves, bool& comma) const {
  Chosen chosen;
  if (fields_ != nullptr && !fields_->all()) chosen = {fields_->first(), false, 0};
  const auto member = [&](std::string_view name, bool there, const auto& print) {
    Chosen below = chosen;
    if (!there || !choose(below, name)) return;
    separate(out, comma);
    append_name(out, name);
    print(below);
  };
  for (const std::string_view name : {"policyId", "definition"}) {
    const ShownLeaves group = beneath(leaves, {TwinPart::about, std::string("/").append(name)});
    member(name, !group.empty(), [&](Chosen) { leaf(out, group[0]); });
  }
  const ShownLeaves attributes = beneath(leaves, {TwinPart::attributes, {}});
  member("attributes", !attributes.empty(),
         [&](Chosen below) { part(out, attributes, {TwinPart::attributes, {}}, below); });
  const bool any_feature = !beneath(leaves, {TwinPart::about, features_path}).empty() ||
                           !beneath(leaves, {TwinPart::reported, {}}).empty() ||
                           !beneath(leaves, {TwinPart::desired, {}}).empty();
  member("features", any_feature, [&](Chosen below) { features(out, leaves, below); });
}

bool LeafText::append_document(std::string& out, ShownLeaves leaves) const {
  bool comma = false;
  document(out, leaves, comma);
  return comma;
}

void LeafText::append(std::string& out, ShownLeaves leaves, const Place& place) const {
  Chosen chosen;
  if (fields_ != nullptr && !fields_->all()) chosen = {fields_->first(), false, 0};
  switch (place.level) {
    case Place::Level::id: return;
    case Place::Level::document: {
      out += '{';
      append_document(out, leaves);
      out += '}';
      return;
    }
    case Place::Level::features: return features(out, leaves, chosen);
    case Place::Level::feature: return feature(out, leaves, place.path, chosen);
    case Place::Level::inner: return part(out, leaves, {place.part, place.path}, chosen);
  }
}

}  // namespace selvedge::engine::twin
