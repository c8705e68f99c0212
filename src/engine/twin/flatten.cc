#include "engine/twin/flatten.h"

#include <algorithm>

#include "base/text.h"
#include "engine/twin/json_text.h"
#include "engine/twin/twin.h"
#include "base/json_pointer.h"

namespace selvedge::engine::twin {

using base::Code;
using base::Result;
using model::TwinPart;

class Flattener {
 public:
  Flattener(std::string_view json, Flat::Null null, const TwinLimits& limits)
      : json_(json), null_(null), limits_(limits) {
    // Rarely more than the document itself: names repeat for each of their members.
    flat_.text_.reserve(json.size() * 2);
    flat_.leaves_.reserve(8);
  }

  Result<Flat> run(const Place& place) {
    switch (place.level) {
      case Place::Level::document: TRY(document()); break;
      case Place::Level::id:
        return base::fail(Code::invalid_input, "thingId cannot be changed");
      case Place::Level::features: TRY(features()); break;
      case Place::Level::feature: TRY(feature(place.path)); break;
      case Place::Level::inner:
        path_ = place.path;
        TRY(inner(place.part, place.must_be_object()));
    }
    if (!json_.at_end()) return malformed();
    TRY(sort());
    return std::move(flat_);
  }

 private:
  using Kind = FlatLeaf::Kind;

  std::unexpected<base::Error> malformed() const {
    return base::fail(Code::invalid_input, json_.where());
  }

  std::unexpected<base::Error> refuse(std::string why) const {
    return base::fail(Code::invalid_input, std::move(why));
  }

  // Calls `member` for each; false if there is none.
  template <typename Member>
  Result<bool> members(const Member& member) {
    if (!json_.take('{')) {
      if (std::string ignored; !json_.value(ignored)) return malformed();
      return refuse("'" + base::printable(path_) + "' must be an object");
    }
    if (json_.take('}')) return false;
    do {
      std::string name;
      if (!json_.string(name) || !json_.take(':')) return malformed();
      TRY(member(std::string_view(name)));
    } while (json_.take(','));
    if (!json_.take('}')) return malformed();
    return true;
  }

  Result<void> skip() {
    std::string ignored;
    if (!json_.value(ignored)) return malformed();
    return {};
  }

  Result<void> document() {
    const bool some = TRY(members([&](std::string_view name) -> Result<void> {
      if (name == "attributes") {
        path_.clear();
        return inner(TwinPart::attributes, true);
      }
      if (name == "features") return features();
      if (name == "definition" || name == "policyId") {
        path_.assign("/").append(name);
        return inner(TwinPart::about, false);
      }
      if (name == "thingId" || name.starts_with('_')) return skip();
      return refuse("'" + base::printable(name) +
                    "' is no member of a twin: thingId, definition, policyId, attributes, features");
    }));
    (void)some;
    if (null_ == Flat::Null::is_a_value && flat_.leaves_.empty()) add_object(TwinPart::about, "");
    return {};
  }

  Result<void> features() {
    if (TRY(taken_null(TwinPart::about, "/features"))) return {};
    const bool some = TRY(members([&](std::string_view name) -> Result<void> {
      TRY(check_name(name, limits_));
      std::string path = "/";
      base::append_pointer_token(path, name);
      return feature(path);
    }));
    if (!some) add_object(TwinPart::about, "/features");
    return {};
  }

  Result<void> feature(const std::string& path) {
    const std::string about = "/features" + path;
    if (TRY(taken_null(TwinPart::about, about))) return {};
    const bool some = TRY(members([&](std::string_view name) -> Result<void> {
      if (name == "definition") {
        path_ = about + "/definition";
        return inner(TwinPart::about, false);
      }
      path_ = path;
      if (name == "properties") return inner(TwinPart::reported, true);
      if (name == "desiredProperties") return inner(TwinPart::desired, true);
      return refuse("'" + base::printable(name) +
                    "' is no member of a feature: definition, properties, desiredProperties");
    }));
    if (!some) add_object(TwinPart::about, about);
    return {};
  }

  // null where only an object may be, or something that is removed.
  Result<bool> taken_null(TwinPart part, std::string_view path) {
    if (json_.peek() != 'n') return false;
    TRY(skip());
    if (null_ == Flat::Null::is_a_value) return refuse("'" + base::printable(path) + "' must be an object");
    add(part, Kind::removal, path, {});
    return true;
  }

  // The value at path_.
  Result<void> inner(TwinPart part, bool must_be_object) {
    const char c = json_.peek();
    if (c == '{') {
      if (part == TwinPart::about) return refuse("'" + path_ + "' must be a text or an array of texts");
      return inner_object(part);
    }
    if (c == 'n' && (null_ == Flat::Null::removes || must_be_object)) {
      const std::string path = path_;
      TRY(taken_null(part, path));
      return {};
    }
    if (must_be_object) return refuse("'" + base::printable(path_) + "' must be an object");
    if (part == TwinPart::about && c == 'n') return skip();
    if (part == TwinPart::about && c != '"' && c != '[') {
      TRY(skip());
      return refuse("'" + path_ + "' must be a text or an array of texts");
    }
    return value(part);
  }

  Result<void> value(TwinPart part) {
    FlatLeaf& leaf = add(part, Kind::value, path_, {});
    leaf.value_at = static_cast<std::uint32_t>(flat_.text_.size());
    if (!json_.value(flat_.text_)) return malformed();
    leaf.value_bytes = static_cast<std::uint32_t>(flat_.text_.size()) - leaf.value_at;
    if (leaf.value_bytes > limits_.value_bytes || leaf.value_bytes > UINT16_MAX)
      return base::fail(Code::exhausted, "the value at '" + base::printable(path_) + "' has " +
                                             std::to_string(leaf.value_bytes) + " bytes: at most " +
                                             std::to_string(limits_.value_bytes));
    return {};
  }

  Result<void> inner_object(TwinPart part) {
    const std::size_t length = path_.size();
    if (depth_of(part, path_) >= limits_.depth) {
      if (!json_.take('{') || !json_.take('}'))
        return refuse("'" + base::printable(path_) + "' has members deeper than " +
                      std::to_string(limits_.depth) + " levels");
      add_object(part, path_);
      return {};
    }
    const bool some = TRY(members([&](std::string_view name) -> Result<void> {
      TRY(check_name(name, limits_));
      path_.resize(length);
      path_ += '/';
      base::append_pointer_token(path_, name);
      return inner(part, false);
    }));
    path_.resize(length);
    if (!some) add_object(part, path_);
    return {};
  }

  FlatLeaf& add(TwinPart part, Kind kind, std::string_view path, std::string_view value) {
    FlatLeaf leaf;
    leaf.part = part;
    leaf.kind = kind;
    leaf.path_at = static_cast<std::uint32_t>(flat_.text_.size());
    leaf.path_bytes = static_cast<std::uint32_t>(path.size());
    flat_.text_ += path;
    leaf.value_at = static_cast<std::uint32_t>(flat_.text_.size());
    leaf.value_bytes = static_cast<std::uint32_t>(value.size());
    flat_.text_ += value;
    flat_.leaves_.push_back(leaf);
    return flat_.leaves_.back();
  }

  void add_object(TwinPart part, std::string_view path) {
    add(part, Kind::object, std::string(path).append(mark_suffix), "{}");
  }

  Result<void> sort() {
    auto& leaves = flat_.leaves_;
    const auto before = [&](const FlatLeaf& a, const FlatLeaf& b) {
      return compare(flat_.key(a), flat_.key(b)) < 0;
    };
    if (!std::is_sorted(leaves.begin(), leaves.end(), before))
      std::sort(leaves.begin(), leaves.end(), before);
    for (std::size_t i = 1; i < leaves.size(); ++i) {
      const Key a = flat_.key(leaves[i - 1]), b = flat_.key(leaves[i]);
      if (a.part == b.part && (a.path == b.path || is_beneath(b.path, a.path)))
        return refuse("'" + base::printable(b.path) + "' is said twice");
    }
    return {};
  }

  JsonText json_;
  Flat::Null null_;
  const TwinLimits& limits_;
  Flat flat_;
  std::string path_;
};

std::size_t Flat::lower_bound(Key at) const {
  const auto found = std::partition_point(leaves_.begin(), leaves_.end(), [&](const FlatLeaf& leaf) {
    return compare(key(leaf), at) < 0;
  });
  return static_cast<std::size_t>(found - leaves_.begin());
}

Result<Flat> Flat::of(std::string_view json, const Place& place, Null null, const TwinLimits& limits) {
  return Flattener(json, null, limits).run(place);
}

}  // namespace selvedge::engine::twin
