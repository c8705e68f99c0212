#include "node/shadow_document.h"

#include <algorithm>
#include <map>
#include <optional>

#include "codec/json/value.h"
#include "base/json_pointer.h"

namespace selvedge::node {

using codec::twin::ShadowHalf;
using codec::twin::ShadowRequest;
using engine::Twin;
using model::TwinPart;

namespace {

// The first level of a pointer, still escaped; `rest` begins with the slash behind it.
std::string_view first_level(std::string_view path, std::string_view& rest) {
  const std::size_t slash = path.find('/', 1);
  rest = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
  return path.substr(1, slash == std::string_view::npos ? slash : slash - 1);
}

// Calls visit(path, value, stamp) for the leaves of one part, of one feature without its level.
template <typename Visit>
void each_leaf(const Twin& twin, TwinPart part, std::string_view feature, const Visit& visit) {
  const std::string level = base::pointer_token(feature);
  twin.each([&](TwinPart of, std::string_view path, std::string_view value, model::Stamp stamp) {
    if (of != part || path.size() < 2) return;
    if (!level.empty()) {
      std::string_view rest;
      if (first_level(path, rest) != level) return;
      path = rest;
      if (path.size() < 2) return;
    }
    visit(path, value, stamp);
  });
}

void write_half(base::JsonWriter& json, const Twin& twin, TwinPart part, std::string_view feature) {
  TreeWriter tree(json);
  each_leaf(twin, part, feature, [&](std::string_view path, std::string_view value, model::Stamp) {
    tree.leaf(path, [&](base::JsonWriter& w) { w.raw(value); });
  });
  tree.end();
}

void write_time(base::JsonWriter& json, model::Stamp stamp) {
  json.begin_object().field("timestamp", model::milliseconds(stamp) / 1000).end_object();
}

}  // namespace

void TreeWriter::leaf(std::string_view path, const std::function<void(base::JsonWriter&)>& value) {
  std::size_t depth = 0;
  std::string_view rest = path;
  std::string_view level = first_level(path, rest);
  while (!rest.empty() && depth < open_.size() && open_[depth] == level) {
    ++depth;
    level = first_level(rest, rest);
  }
  for (; open_.size() > depth; open_.pop_back()) json_.end_object();
  for (; !rest.empty(); level = first_level(rest, rest)) {
    json_.key(base::pointer_name(level)).begin_object();
    open_.emplace_back(level);
  }
  json_.key(base::pointer_name(level));
  value(json_);
}

void TreeWriter::end() {
  for (; !open_.empty(); open_.pop_back()) json_.end_object();
  json_.end_object();
}

bool has_feature(const Twin& twin, std::string_view feature) {
  bool found = false;
  const std::string level = base::pointer_token(feature);
  twin.each([&](TwinPart part, std::string_view path, std::string_view, model::Stamp) {
    if ((part != TwinPart::reported && part != TwinPart::desired) || path.size() < 2) return;
    std::string_view rest;
    found |= first_level(path, rest) == level;
  });
  return found;
}

void write_metadata(base::JsonWriter& json, const Twin& twin,
                    const std::function<bool(std::string_view feature)>& wanted,
                    std::string_view feature) {
  json.begin_object();
  for (const TwinPart part : {TwinPart::desired, TwinPart::reported}) {
    json.key(part == TwinPart::desired ? "desired" : "reported");
    TreeWriter tree(json);
    each_leaf(twin, part, feature, [&](std::string_view path, std::string_view, model::Stamp stamp) {
      std::string_view rest;
      if (feature.empty() && !wanted(base::pointer_name(first_level(path, rest)))) return;
      tree.leaf(path, [&](base::JsonWriter& w) { write_time(w, stamp); });
    });
    tree.end();
  }
  json.end_object();
}

void write_document(base::JsonWriter& json, const Twin& twin, std::string_view feature) {
  json.key("state").begin_object();
  json.key("desired");
  write_half(json, twin, TwinPart::desired, feature);
  json.key("reported");
  write_half(json, twin, TwinPart::reported, feature);
  if (const std::string delta = twin.delta(feature); delta != "{}") json.key("delta").raw(delta);
  json.end_object().key("metadata");
  write_metadata(json, twin, [](std::string_view) { return true; }, feature);
  json.field("version", twin.revision());
}

std::string delta_message(const Twin& twin, std::string_view feature, std::int64_t now_ms) {
  const std::string delta = twin.delta(feature);
  if (delta == "{}") return {};
  base::JsonWriter json;
  json.begin_object().key("state").raw(delta).key("metadata");
  // When each standing wish was made: those that are newer than what is reported, and differ.
  std::map<std::string, model::Stamp, std::less<>> reported;
  each_leaf(twin, TwinPart::reported, feature,
            [&](std::string_view path, std::string_view, model::Stamp stamp) {
              reported.emplace(path, stamp);
            });
  const std::string prefix = feature.empty() ? std::string() : '/' + base::pointer_token(feature);
  TreeWriter tree(json);
  each_leaf(twin, TwinPart::desired, feature,
            [&](std::string_view path, std::string_view value, model::Stamp stamp) {
              const auto at = reported.find(path);
              if (at != reported.end() && at->second > stamp) return;
              if (twin.leaf(TwinPart::reported, prefix + std::string(path)) == value) return;
              tree.leaf(path, [&](base::JsonWriter& w) { write_time(w, stamp); });
            });
  tree.end();
  json.field("version", twin.revision()).field("timestamp", now_ms / 1000).end_object();
  return json.take();
}

std::string merge_patch(const ShadowRequest& request, std::string_view feature, const Twin* twin) {
  struct Halves {
    std::string reported, desired;     // JSON; empty: untouched
  };
  std::map<std::string, Halves> features;
  const auto put = [&](const ShadowHalf& half, TwinPart part, std::string Halves::* side) {
    if (half.says == ShadowHalf::Says::nothing) return;
    const bool clear = half.says == ShadowHalf::Says::clear;
    if (!feature.empty()) {
      base::JsonWriter json;
      if (clear) {
        json.null();
      } else {
        json.begin_object();
        for (const auto& [name, value] : half.members) json.key(name).raw(value);
        json.end_object();
      }
      features[std::string(feature)].*side = json.take();
      return;
    }
    for (const auto& [name, value] : half.members) features[name].*side = value;
    if (!clear || twin == nullptr) return;
    twin->each([&](TwinPart of, std::string_view path, std::string_view, model::Stamp) {
      if (of != part || path.size() < 2) return;
      std::string_view rest;
      features[base::pointer_name(first_level(path, rest))].*side = "null";
    });
  };
  put(request.reported, TwinPart::reported, &Halves::reported);
  put(request.desired, TwinPart::desired, &Halves::desired);
  base::JsonWriter json;
  json.begin_object().key("features").begin_object();
  for (const auto& [name, halves] : features) {
    json.key(name).begin_object();
    if (!halves.reported.empty()) json.key("properties").raw(halves.reported);
    if (!halves.desired.empty()) json.key("desiredProperties").raw(halves.desired);
    json.end_object();
  }
  json.end_object().end_object();
  return json.take();
}

std::vector<std::string> features_of(std::string_view delta) {
  std::vector<std::string> names;
  if (const auto parsed = codec::json::parse(delta))
    for (const auto& [name, value] : parsed->object()) names.push_back(name);
  return names;
}

std::vector<std::string> features_with_new_wishes(std::string_view difference) {
  std::vector<std::string> names;
  if (difference.find("desiredProperties") == std::string_view::npos) return names;
  const auto parsed = codec::json::parse(difference);
  if (!parsed) return names;
  for (const auto& [name, feature] : (*parsed)["features"].object())
    if (feature.object().contains("desiredProperties")) names.push_back(name);
  return names;
}

}  // namespace selvedge::node
