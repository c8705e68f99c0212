#include "engine/twin/twin.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "engine/twin/difference.h"
#include "engine/twin/editor.h"
#include "engine/twin/flatten.h"
#include "engine/twin/json_text.h"
#include "engine/twin/leaf_text.h"
#include "engine/twin/place.h"

namespace selvedge::engine {

using base::Code;
using base::Result;
using model::TwinLeaf;
using model::TwinPart;
using twin::Editor;
using twin::Entries;
using twin::Flat;
using twin::FlatLeaf;
using twin::Key;
using twin::none;
using twin::Place;
using twin::ShownLeaf;

namespace {

// As many leaves can be changed without looking at the rest of the document.
constexpr std::size_t few = 32;

Result<void> check_size(const Entries& before, const Entries& after, const TwinLimits& limits) {
  if (after.bytes() > limits.document_bytes && after.bytes() > before.bytes())
    return base::fail(Code::exhausted, "the twin would have " + std::to_string(after.bytes()) +
                                           " bytes: at most " + std::to_string(limits.document_bytes));
  if (after.size() > limits.leaves && after.size() > before.size())
    return base::fail(Code::exhausted, "the twin would have " + std::to_string(after.size()) +
                                           " leaves: at most " + std::to_string(limits.leaves));
  return {};
}

// What a leaf of another replica must look like to be taken up.
bool acceptable(TwinPart part, std::string_view path, std::string_view value, model::Stamp stamp,
                const TwinLimits& limits) {
  if (part > TwinPart::desired || !twin::is_path(part, path, limits)) return false;
  if (path.size() > UINT16_MAX || value.size() > limits.value_bytes || value.size() > UINT16_MAX)
    return false;
  if (stamp.time >> 63 != 0) return false;    // leaves room to count on from it
  if (value.empty()) return true;
  if (twin::is_mark(path)) return value == "{}";
  if (value[0] == '{' || Place::of({part, path}).must_be_object()) return false;
  return twin::is_canonical_json(value);
}

}  // namespace

Twin Twin::copy() const {
  Twin made;
  made.entries_ = entries_.copy();
  return made;
}

// The quick way, for edits that only give new values to leaves that are there. False if it is none.
bool Twin::change_values(const Flat& flat, TwinClock clock, const TwinLimits& limits,
                         TwinChange& change) {
  const auto& leaves = flat.leaves();
  if (leaves.empty() || leaves.size() > few) return false;
  std::array<std::size_t, few> at{};
  std::size_t bytes = entries_.bytes();
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].kind != FlatLeaf::Kind::value) return false;
    at[i] = entries_.find(flat.key(leaves[i]));
    if (at[i] == none || entries_.at(at[i]).value.empty()) return false;
    bytes = bytes + leaves[i].value_bytes - entries_.at(at[i]).value.size();
  }
  if (bytes > limits.document_bytes) return false;
  const model::Stamp stamp = twin::next_stamp(entries_, clock);
  const std::uint64_t revision = entries_.revision() + 1;
  std::array<ShownLeaf, few> changed;
  std::size_t count = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Entries::View is = entries_.at(at[i]);
    const std::string_view value = flat.value(leaves[i]);
    if (twin::same_json(is.value, value) &&
        (is.key.part != TwinPart::desired || !twin::is_superseded(entries_, is)))
      continue;
    changed[count++] = {flat.key(leaves[i]), value, stamp, revision, false};
  }
  for (std::size_t i = 0, k = 0; i < leaves.size() && k < count; ++i)
    if (changed[k].key.path.data() == flat.path(leaves[i]).data()) {
      entries_.replace(at[i], changed[k].value, stamp, revision, false);
      ++k;
    }
  change.changed = count > 0;
  if (change.changed) entries_.set_revision(revision);
  change.revision = entries_.revision();
  change.difference = twin::difference({changed.data(), count});
  return true;
}

TwinChange Twin::take_over(Entries&& changed) {
  TwinChange change;
  change.changed = true;
  changed.set_revision(entries_.revision() + 1);
  change.revision = changed.revision();
  change.difference = twin::difference(entries_, changed);
  entries_ = std::move(changed);
  return change;
}

Result<TwinChange> Twin::edit(const TwinEdit& edit, TwinClock clock, const TwinLimits& limits) {
  const Place place = TRY(Place::parse(edit.pointer, limits));
  const bool flattens = (edit.kind == TwinEdit::Kind::put || edit.kind == TwinEdit::Kind::merge) &&
                        twin::array_above(entries_, place).at == none;
  std::optional<Flat> flat;
  if (flattens) {
    const bool merges = edit.kind == TwinEdit::Kind::merge;
    flat = TRY(Flat::of(edit.json, place, merges ? Flat::Null::removes : Flat::Null::is_a_value, limits));
    TwinChange change;
    const bool alone = merges || twin::visible(entries_, place).size() == flat->leaves().size();
    if (alone && change_values(*flat, clock, limits, change)) return change;
  }
  Entries work = entries_.copy();
  Editor editor(work, clock, limits);
  switch (edit.kind) {
    case TwinEdit::Kind::put:
      if (flat) editor.replace_with(*flat, place);
      else TRY(editor.put(place, edit.json));
      break;
    case TwinEdit::Kind::merge:
      if (flat) editor.merge_with(*flat, place);
      else TRY(editor.merge(place, edit.json));
      break;
    case TwinEdit::Kind::patch: TRY(editor.patch(edit.pointer, edit.json)); break;
    case TwinEdit::Kind::remove: TRY(editor.remove(place)); break;
  }
  if (!editor.changed()) return TwinChange{false, false, revision(), {}};
  TRY(check_size(entries_, work, limits));
  const bool there = twin::is_there(entries_, place);
  TwinChange change = take_over(std::move(work));
  change.created = !there && edit.kind != TwinEdit::Kind::remove;
  return change;
}

// As change_values(), for what another replica says.
bool Twin::join_values(std::span<const TwinLeaf> leaves, TwinChange& change) {
  if (leaves.size() > few) return false;
  std::array<std::size_t, few> at{};
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    at[i] = entries_.find({leaves[i].part, leaves[i].path});
    if (at[i] == none || leaves[i].value.empty()) return false;
    if (std::find(at.begin(), at.begin() + i, at[i]) != at.begin() + i) return false;
    const Entries::View is = entries_.at(at[i]);
    if (is.value.empty() || is.stamp == leaves[i].stamp) return false;
    if (is.value.size() < leaves[i].value.size()) return false;   // may meet the limits
  }
  const std::uint64_t revision = entries_.revision() + 1;
  std::vector<ShownLeaf> changed;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Entries::View is = entries_.at(at[i]);
    if (leaves[i].stamp < is.stamp) continue;
    if (is.value != leaves[i].value || is.key.part == TwinPart::desired)
      changed.push_back({{leaves[i].part, leaves[i].path}, leaves[i].value, leaves[i].stamp, revision, true});
    entries_.replace(at[i], leaves[i].value, leaves[i].stamp, revision, true);
    change.changed = true;
  }
  std::sort(changed.begin(), changed.end(), [](const ShownLeaf& a, const ShownLeaf& b) {
    return twin::compare(a.key, b.key) < 0;
  });
  if (change.changed) entries_.set_revision(revision);
  change.revision = entries_.revision();
  change.difference = twin::difference(changed);
  return true;
}

TwinChange Twin::join(std::span<const TwinLeaf> leaves, const TwinLimits& limits,
                      std::uint32_t* refused) {
  std::uint32_t bad = 0;
  const bool all_good = std::all_of(leaves.begin(), leaves.end(), [&](const TwinLeaf& leaf) {
    return acceptable(leaf.part, leaf.path, leaf.value, leaf.stamp, limits);
  });
  TwinChange change;
  change.revision = revision();
  if (all_good && join_values(leaves, change)) return change;
  Entries work = entries_.copy();
  const std::uint64_t revision = entries_.revision() + 1;
  for (const TwinLeaf& leaf : leaves) {
    std::string path;
    std::string_view at = leaf.path;
    // An empty object said plainly.
    if (leaf.value == "{}" && !twin::is_mark(at)) {
      path = Place::of({leaf.part, at}).mark().path;
      at = path;
    }
    const bool fits = work.bytes() + at.size() + leaf.value.size() <= 2ULL * limits.document_bytes &&
                      (work.size() < 2ULL * limits.leaves || work.find({leaf.part, at}) != none);
    if (!fits || !acceptable(leaf.part, at, leaf.value, leaf.stamp, limits)) {
      ++bad;
      continue;
    }
    change.changed |= work.put({{leaf.part, at}, leaf.value, leaf.stamp, revision, true});
  }
  if (refused != nullptr) *refused = bad;
  if (change.changed) change = take_over(std::move(work));
  return change;
}

std::uint64_t Twin::revision() const { return entries_.revision(); }
std::uint64_t Twin::modified_ms() const { return entries_.newest() >> 16; }
std::size_t Twin::memory_bytes() const { return sizeof *this + entries_.memory_bytes(); }

bool Twin::empty() const {
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (!entries_.at(i).value.empty()) return false;
  return true;
}

void Twin::changed_after(std::uint64_t revision, std::vector<TwinLeaf>& out, Joined joined) const {
  std::vector<std::pair<std::uint64_t, std::size_t>> found;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entries::View entry = entries_.at(i);
    if (entry.changed > revision && (joined == Joined::included || !entry.joined))
      found.emplace_back(entry.changed, i);
  }
  std::sort(found.begin(), found.end());
  out.reserve(out.size() + found.size());
  for (const auto& [changed, i] : found) {
    const Entries::View entry = entries_.at(i);
    out.push_back({entry.key.part, std::string(entry.key.path), entry.stamp, std::string(entry.value)});
  }
}

bool Twin::changed_here_after(std::uint64_t revision) const {
  if (entries_.revision() <= revision) return false;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entries::View entry = entries_.at(i);
    if (entry.changed > revision && !entry.joined) return true;
  }
  return false;
}

std::uint32_t Twin::forget_removed(std::uint64_t revision, std::int64_t before_ms) {
  std::uint32_t forgotten = 0;
  for (std::size_t i = entries_.size(); i-- > 0;) {
    const Entries::View entry = entries_.at(i);
    if (!entry.value.empty() || entry.changed > revision || milliseconds(entry.stamp) >= before_ms)
      continue;
    entries_.erase(i, i + 1);
    ++forgotten;
  }
  return forgotten;
}

}  // namespace selvedge::engine
