#include "engine/twin/editor.h"

#include <algorithm>

#include "base/text.h"
#include "engine/twin/array_text.h"
#include "engine/twin/json_text.h"
#include "engine/twin/leaf_text.h"

namespace selvedge::engine::twin {

using base::Code;
using base::Result;
using model::TwinPart;

model::Stamp next_stamp(const Entries& entries, TwinClock clock) {
  const auto wall = static_cast<std::uint64_t>(std::max<std::int64_t>(clock.now_ms, 0)) << 16;
  return {std::max(wall, entries.newest() + 1), clock.origin};
}

namespace {

// The newest stamp of what is reported at, above or beneath a path. Removals do not count: they are
// forgotten one day, and a device that knows nothing any more has to be told again.
model::Stamp last_report(const Entries& entries, std::string_view path) {
  model::Stamp last{};
  const auto see = [&](std::size_t i) {
    if (!entries.at(i).value.empty()) last = std::max(last, entries.at(i).stamp);
  };
  const Key key{TwinPart::reported, path};
  const std::size_t first = entries.lower_bound(key);
  const bool there = first < entries.size() && compare(entries.at(first).key, key) == 0;
  const std::size_t begin = there ? first + 1 : first;
  if (there) see(first);
  for (std::size_t i = begin, end = entries.end_beneath(begin, key); i < end; ++i) see(i);
  each_above(path, [&](std::string_view above) {
    const std::size_t i = entries.find({TwinPart::reported, above});
    if (i != none) see(i);
    return false;
  });
  return last;
}

bool is_fulfilled(const Entries& entries, const Entries::View& wish) {
  const std::size_t i = entries.find({TwinPart::reported, wish.key.path});
  return i != none && same_json(entries.at(i).value, wish.value);
}

}  // namespace

bool is_superseded(const Entries& entries, const Entries::View& wish) {
  return !is_fulfilled(entries, wish) && last_report(entries, wish.key.path).time > wish.stamp.time;
}

bool is_standing(const Entries& entries, const Entries::View& wish) {
  return wish.key.part == TwinPart::desired && !wish.value.empty() && !is_mark(wish.key.path) &&
         !is_fulfilled(entries, wish) && last_report(entries, wish.key.path).time <= wish.stamp.time;
}

InArray array_above(const Entries& entries, const Place& place) {
  InArray found;
  if (place.level != Place::Level::inner) return found;
  each_above(place.path, [&](std::string_view above) {
    const std::size_t i = entries.find({place.part, above});
    if (i == none || !entries.at(i).value.starts_with('[')) return false;
    found = {i, std::string_view(place.path).substr(above.size())};
    return true;
  });
  return found;
}

Result<std::string> json_at(const Entries& entries, const Place& place) {
  if (place.level == Place::Level::id)
    return base::fail(Code::invalid_input, "thingId is no part of a patch");
  if (const InArray in = array_above(entries, place); in.at != none)
    return std::string(TRY(inside(entries.at(in.at).value, in.rest)));
  const auto leaves = visible(entries, place);
  if (leaves.empty())
    return base::fail(Code::not_found,
                      "there is nothing at '" + base::printable(place.pointer()) + "'");
  std::string out;
  LeafText().append(out, leaves, place);
  return out;
}

Editor::Editor(Entries& entries, TwinClock clock, const TwinLimits& limits)
    : entries_(entries), limits_(limits), stamp_(twin::next_stamp(entries, clock)),
      revision_(entries.revision() + 1) {}

void Editor::write(Key key, std::string_view value) {
  const std::size_t i = entries_.find(key);
  if (i != none) {
    const Entries::View is = entries_.at(i);
    if (same_json(is.value, value) &&
        (key.part != TwinPart::desired || is_mark(key.path) || !is_superseded(entries_, is)))
      return;
  }
  changed_ |= entries_.put({key, value, stamp_, revision_, false});
}

void Editor::bury(Key key) { changed_ |= entries_.put({key, {}, stamp_, revision_, false}); }

void Editor::bury(const Place& place) {
  std::size_t count = 0;
  const auto ranges = place.ranges(count);
  for (std::size_t i = 0; i < count; ++i) bury({ranges[i].part, ranges[i].path});
}

void Editor::mark_if_empty(const Place& place) {
  if (is_object(entries_, place)) return;
  const Place::Range mark = place.mark();
  write({mark.part, mark.path}, "{}");
}

// Something at this key or beneath it is said.
bool Editor::contains(const Flat& flat, Key key) const {
  const std::size_t i = flat.lower_bound(key);
  if (i == flat.leaves().size()) return false;
  const Key next = flat.key(flat.leaves()[i]);
  return next.part == key.part && (next.path == key.path || is_beneath(next.path, key.path));
}

void Editor::replace_with(const Flat& flat, const Place& place) {
  // What is visible and not said goes, at the highest path of which nothing is said.
  std::vector<std::pair<TwinPart, std::string>> gone;
  std::size_t count = 0;
  const auto ranges = place.ranges(count);
  const auto leaves = visible(entries_, place);
  for (std::size_t r = 0; r < count; ++r) {
    const Key base_key{ranges[r].part, ranges[r].path};
    for (const ShownLeaf& leaf : beneath(leaves, base_key)) {
      const std::string_view path = is_mark(leaf.key.path) ? marked(leaf.key.path) : leaf.key.path;
      std::size_t end = base_key.path.size();
      while (end < path.size() && contains(flat, {leaf.key.part, path.substr(0, end)}))
        end = std::min(path.find('/', end + 1), path.size());
      const std::string_view top = path.substr(0, end);
      if (contains(flat, {leaf.key.part, top})) continue;
      if (gone.empty() || gone.back().first != leaf.key.part || gone.back().second != top)
        gone.emplace_back(leaf.key.part, top);
    }
  }
  for (const auto& [part, path] : gone) {
    // A scalar that takes the place of an object removes it by itself.
    const bool under_value = each_above(path, [&](std::string_view above) {
      const std::size_t i = flat.lower_bound({part, above});
      return i < flat.leaves().size() && compare(flat.key(flat.leaves()[i]), Key{part, above}) == 0;
    });
    if (!under_value) bury({part, path});
  }
  for (const FlatLeaf& leaf : flat.leaves()) write(flat.key(leaf), flat.value(leaf));
}

Result<void> Editor::put(const Place& place, std::string_view json) {
  if (const InArray in = array_above(entries_, place); in.at != none) {
    const Entries::View array = entries_.at(in.at);
    const std::string text = TRY(changed_inside(array.value, in.rest, ArrayChange::replace,
                                                TRY(canonical_json(json))));
    const std::string path(array.key.path);
    return put(Place::inner(array.key.part, path), text);
  }
  replace_with(TRY(Flat::of(json, place, Flat::Null::is_a_value, limits_)), place);
  return {};
}

Result<void> Editor::merge(const Place& place, std::string_view json) {
  if (array_above(entries_, place).at != none)
    return base::fail(Code::invalid_input, "merge at '" + base::printable(place.pointer()) +
                                               "': arrays are merged as a whole");
  merge_with(TRY(Flat::of(json, place, Flat::Null::removes, limits_)), place);
  return {};
}

void Editor::merge_with(const Flat& flat, const Place& place) {
  std::vector<Place> parents;
  for (const FlatLeaf& leaf : flat.leaves()) {
    if (leaf.kind != FlatLeaf::Kind::removal) continue;
    const Place gone = Place::of(flat.key(leaf));
    if (is_there(entries_, gone)) bury(gone);
    // A merge makes the objects it names, also those of which it only removes members.
    const bool itself = gone.level == place.level && gone.path == place.path && gone.part == place.part;
    if (!itself || changed_ || is_object(entries_, gone.parent()))
      parents.push_back(gone.parent());
  }
  for (const FlatLeaf& leaf : flat.leaves()) {
    const Key key = flat.key(leaf);
    if (leaf.kind == FlatLeaf::Kind::value) write(key, flat.value(leaf));
    if (leaf.kind == FlatLeaf::Kind::object) mark_if_empty(Place::of({key.part, marked(key.path)}));
  }
  for (const Place& parent : parents) mark_if_empty(parent);
  // An empty patch of a twin that is not there makes it.
  if (flat.leaves().empty()) mark_if_empty(place);
}

Result<void> Editor::remove(const Place& place) {
  if (place.level == Place::Level::id)
    return base::fail(Code::invalid_input, "thingId cannot be removed");
  if (const InArray in = array_above(entries_, place); in.at != none) {
    const Entries::View array = entries_.at(in.at);
    const std::string text = TRY(changed_inside(array.value, in.rest, ArrayChange::remove, {}));
    const std::string path(array.key.path);
    return put(Place::inner(array.key.part, path), text);
  }
  if (!is_there(entries_, place))
    return base::fail(Code::not_found,
                      "there is nothing at '" + base::printable(place.pointer()) + "'");
  bury(place);
  if (place.level != Place::Level::document) mark_if_empty(place.parent());
  return {};
}

}  // namespace selvedge::engine::twin
