// What a twin looks like from outside: documents, metadata, deltas, single leaves.

#include "base/text.h"
#include "base/time.h"
#include "engine/twin/editor.h"
#include "engine/twin/json_text.h"
#include "engine/twin/leaf_text.h"
#include "engine/twin/place.h"
#include "engine/twin/twin.h"
#include "base/json_pointer.h"

namespace selvedge::engine {

using base::Code;
using base::Result;
using model::TwinPart;
using twin::Entries;
using twin::Fields;
using twin::LeafText;
using twin::none;
using twin::Place;
using twin::Print;
using twin::ShownLeaf;

namespace {

// Whatever was written may be read, also after limits became smaller.
TwinLimits reading_limits() {
  TwinLimits limits;
  limits.depth = 1000;
  limits.name_bytes = UINT16_MAX;
  return limits;
}

void append_modified(std::string& out, std::uint64_t modified_ms) {
  twin::append_json_string(
      out, base::to_iso8601({static_cast<std::int64_t>(std::min<std::uint64_t>(
                                 modified_ms, INT64_MAX / 1'000'000)) * 1'000'000}));
}

}  // namespace

Result<std::string> Twin::json(std::string_view id, std::string_view pointer,
                               std::string_view fields_text) const {
  const Place place = TRY(Place::parse(pointer, reading_limits()));
  const Fields fields = TRY(Fields::parse(fields_text));
  const auto missing = [&] {
    return base::fail(Code::not_found, "there is nothing at '" + base::printable(pointer) + "'");
  };
  std::string out;
  if (place.level == Place::Level::id) {
    if (empty()) return missing();
    twin::append_json_string(out, id);
    return out;
  }
  if (twin::array_above(entries_, place).at != none) return twin::json_at(entries_, place);
  const auto leaves = twin::visible(entries_, place);
  if (leaves.empty()) return missing();
  out.reserve(64 + entries_.bytes() * 3 / 2);
  const LeafText text(Print::values, &fields);
  if (place.level != Place::Level::document) {
    text.append(out, leaves, place);
    return out;
  }
  bool comma = false;
  const auto member = [&](std::string_view name, bool wanted) {
    if (!wanted) return false;
    if (comma) out += ',';
    comma = true;
    twin::append_json_string(out, name);
    out += ':';
    return true;
  };
  out += '{';
  if (member("thingId", fields.all() || fields.names("thingId"))) twin::append_json_string(out, id);
  std::string members;
  if (text.append_document(members, leaves)) {
    if (comma) out += ',';
    comma = true;
    out += members;
  }
  if (member("_revision", fields.names("_revision"))) out += std::to_string(revision());
  if (member("_modified", fields.names("_modified"))) append_modified(out, modified_ms());
  if (member("_metadata", fields.names("_metadata")))
    LeafText(Print::metadata).append(out, leaves, place);
  out += '}';
  return out;
}

std::string Twin::metadata_json(std::string_view pointer) const {
  const Result<Place> place = Place::parse(pointer, reading_limits());
  std::string out;
  if (place && place->level != Place::Level::id) {
    const auto leaves = twin::visible(entries_, *place);
    if (!leaves.empty()) LeafText(Print::metadata).append(out, leaves, *place);
  }
  return out.empty() ? "{}" : out;
}

std::string Twin::delta(std::string_view feature) const {
  std::vector<ShownLeaf> wishes;
  std::string path;
  if (!feature.empty()) {
    path = "/";
    base::append_pointer_token(path, feature);
  }
  for (std::size_t i = entries_.lower_bound({TwinPart::desired, path}); i < entries_.size(); ++i) {
    const Entries::View entry = entries_.at(i);
    if (!path.empty() && entry.key.path != path && !twin::is_beneath(entry.key.path, path)) break;
    if (twin::is_standing(entries_, entry)) wishes.push_back(entry);
  }
  std::string out;
  if (wishes.empty()) return "{}";
  LeafText().append(out, wishes, Place::inner(TwinPart::desired, path));
  return out;
}

bool Twin::has_delta() const {
  for (std::size_t i = entries_.lower_bound({TwinPart::desired, {}}); i < entries_.size(); ++i)
    if (twin::is_standing(entries_, entries_.at(i))) return true;
  return false;
}

std::string_view Twin::leaf(TwinPart part, std::string_view path) const {
  const std::size_t i = entries_.find({part, path});
  return i == none || twin::is_mark(path) ? std::string_view() : entries_.at(i).value;
}

void Twin::each(const std::function<void(TwinPart, std::string_view, std::string_view,
                                         model::Stamp)>& visit) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entries::View entry = entries_.at(i);
    if (entry.value.empty()) continue;
    if (!twin::is_mark(entry.key.path)) {
      visit(entry.key.part, entry.key.path, entry.value, entry.stamp);
      continue;
    }
    const std::string_view object = twin::marked(entry.key.path);
    if (twin::visible(entries_, Place::of({entry.key.part, object})).size() == 1)
      visit(entry.key.part, object, entry.value, entry.stamp);
  }
}

}  // namespace selvedge::engine
