// Place: where a JSON pointer leads in a twin's document.
//
// The document has levels above the leaves: the document, "features", a feature; what is there lies in
// several parts. Private to engine/twin.

#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/twin/entries.h"

namespace selvedge::engine {
struct TwinLimits;
}

namespace selvedge::engine::twin {

struct Place {
  enum class Level : std::uint8_t { document, id, features, feature, inner };

  Level level = Level::document;
  model::TwinPart part{};        // inner
  std::string path;              // inner: within the part; feature: "/F"

  static Place document() { return {}; }
  static Place features() { return {Level::features, {}, {}}; }
  static Place feature(std::string_view path) { return {Level::feature, {}, std::string(path)}; }
  static Place inner(model::TwinPart part, std::string_view path) {
    return {Level::inner, part, std::string(path)};
  }
  // Code::invalid_input for what is no pointer or leads to no place that a document has.
  static base::Result<Place> parse(std::string_view pointer, const TwinLimits& limits);
  // The place whose first range begins with this key (no mark).
  static Place of(Key key);
  std::string pointer() const;

  Place parent() const;          // of the document: itself
  // The last name, escaped as in a pointer.
  std::string_view name() const;
  // The path, in each part, at and beneath which what is here lies. `about` comes first, if it does.
  struct Range {
    model::TwinPart part;
    std::string path;
  };
  std::array<Range, 4> ranges(std::size_t& count) const;
  // Where it is kept that there is an object here.
  Range mark() const;
  // Only an object may be here: attributes, properties and desiredProperties and all levels above.
  bool must_be_object() const;
  // Only a text or an array of texts may be here: definition, policyId.
  bool is_about() const { return level == Level::inner && part == model::TwinPart::about; }
};

inline constexpr std::string_view mark_suffix = "/~";
inline bool is_mark(std::string_view path) { return path.ends_with(mark_suffix); }
inline std::string_view marked(std::string_view path) {
  return path.substr(0, path.size() - mark_suffix.size());
}

// Something visible at or beneath the place; beneath a place in a part: at least that it is an object.
bool is_there(const Entries& entries, const Place& place);
bool is_object(const Entries& entries, const Place& place);

// A member's name: UTF-8 without control characters, not too long.
base::Result<void> check_name(std::string_view name, const TwinLimits& limits);
// A path as it lies in an entry: tokens with valid escapes, perhaps a mark at the end. `depth` is how
// many levels lie below the part's own.
bool is_path(model::TwinPart part, std::string_view path, const TwinLimits& limits);
std::size_t depth_of(model::TwinPart part, std::string_view path);

}  // namespace selvedge::engine::twin
