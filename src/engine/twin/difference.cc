#include "engine/twin/difference.h"

#include <algorithm>
#include <deque>

namespace selvedge::engine::twin {
namespace {

class Comparison {
 public:
  Comparison(const Entries& before, const Entries& after)
      : before_(before), after_(after), old_(visible(before, Place::document())),
        new_(visible(after, Place::document())) {}

  std::string run() {
    std::size_t o = 0, n = 0;
    while (o < old_.size() || n < new_.size()) {
      const int order = o == old_.size()   ? 1
                        : n == new_.size() ? -1
                                           : compare(old_[o].key, new_[n].key);
      if (order < 0) gone(old_[o++]);
      else if (order > 0) come(new_[n++]);
      else kept(old_[o++], new_[n++]);
    }
    if (changed_.empty()) return {};
    std::sort(changed_.begin(), changed_.end(), [](const ShownLeaf& a, const ShownLeaf& b) {
      return compare(a.key, b.key) < 0;
    });
    changed_.erase(std::unique(changed_.begin(), changed_.end(),
                               [](const ShownLeaf& a, const ShownLeaf& b) {
                                 return compare(a.key, b.key) == 0;
                               }),
                   changed_.end());
    return difference(ShownLeaves(changed_));
  }

 private:
  void kept(const ShownLeaf& was, const ShownLeaf& is) {
    const bool again = is.key.part == model::TwinPart::desired && was.stamp < is.stamp;
    if (is_mark(is.key.path)) return;
    if (was.value != is.value || again) changed_.push_back(is);
  }

  void come(const ShownLeaf& leaf) {
    // A mark counts only where there was no object, and no other member says that there is one.
    if (is_mark(leaf.key.path)) {
      const Place place = Place::of({leaf.key.part, marked(leaf.key.path)});
      if (is_object(before_, place) || visible(after_, place).size() > 1) return;
    }
    changed_.push_back(leaf);
  }

  // Says so of the highest place that is gone.
  void gone(const ShownLeaf& leaf) {
    const bool mark = is_mark(leaf.key.path);
    const std::string_view path = mark ? marked(leaf.key.path) : leaf.key.path;
    Place place = Place::of({leaf.key.part, path});
    if (place.level == Place::Level::document || is_there(after_, place)) return;
    for (Place above = place.parent(); above.level != Place::Level::document && !is_there(after_, above);
         above = place.parent())
      place = above;
    // What took the place of something above says it all.
    for (Place above = place.parent(); above.level == Place::Level::inner; above = above.parent()) {
      const std::size_t at = after_.find({above.part, above.path});
      if (at != none && !after_.at(at).value.empty()) return;
      if (above.path.empty()) break;
    }
    std::size_t count = 0;
    const auto ranges = place.ranges(count);
    names_.push_back(ranges[0].path);
    changed_.push_back({{ranges[0].part, names_.back()}, "null", {}, 0, false});
  }

  const Entries& before_;
  const Entries& after_;
  std::vector<ShownLeaf> old_, new_;
  std::vector<ShownLeaf> changed_;
  std::deque<std::string> names_;
};

}  // namespace

std::string difference(const Entries& before, const Entries& after) {
  return Comparison(before, after).run();
}

std::string difference(ShownLeaves changed) {
  std::string out;
  if (changed.empty()) return out;
  out.reserve(128);
  LeafText().append(out, changed, Place::document());
  return out;
}

}  // namespace selvedge::engine::twin
