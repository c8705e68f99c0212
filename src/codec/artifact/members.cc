#include "codec/artifact/members.h"

#include <algorithm>

#include "base/text.h"
#include "model/artifact.h"

namespace selvedge::codec::artifact {
namespace {

using base::Code;
using base::fail;
using base::Result;

// Each separator may become a value of some 60 bytes, so they are counted before any is made.
constexpr std::ptrdiff_t max_separators = 65'536;

const json::Value::Array no_items;
const json::Value::Object no_members;

}  // namespace

Result<json::Value> parse_object(std::string_view text, std::string_view what) {
  if (text.size() > model::ArtifactLimits::document_bytes)
    return fail(Code::invalid_input, std::string(what) + ": larger than " +
                                         base::size_text(model::ArtifactLimits::document_bytes));
  const auto separators =
      std::ranges::count_if(text, [](char c) { return c == ',' || c == '[' || c == '{'; });
  if (separators > max_separators)
    return fail(Code::invalid_input, std::string(what) + ": more members than any such document has");
  auto value = TRY(base::while_doing(what, json::parse(text, model::ArtifactLimits::document_bytes)));
  if (!value.is_object()) return fail(Code::invalid_input, std::string(what) + ": not a JSON object");
  return value;
}

std::unexpected<base::Error> Members::wrong(std::string_view member, std::string_view why) const {
  return fail(Code::invalid_input, std::string(what_) + ": '" + base::printable(member) + "' " +
                                       std::string(why));
}

Result<std::string> Members::text(std::string_view member, std::size_t most) const {
  const json::Value& value = (*object_)[member];
  std::string text = value.text();
  if (text.empty()) return wrong(member, "is missing, empty or no text");
  if (text.size() > most) return wrong(member, "is longer than " + std::to_string(most) + " bytes");
  return text;
}

Result<std::string> Members::text_or_empty(std::string_view member, std::size_t most) const {
  const json::Value& value = (*object_)[member];
  if (value.is_null() || (value.text("x").empty())) return std::string();
  return text(member, most);
}

Result<std::uint64_t> Members::number(std::string_view member, std::uint64_t low,
                                      std::uint64_t high) const {
  const std::int64_t value = (*object_)[member].integer(-1);
  if (value < 0 || static_cast<std::uint64_t>(value) < low || static_cast<std::uint64_t>(value) > high)
    return wrong(member, "is no whole number from " + std::to_string(low) + " to " +
                             std::to_string(high));
  return static_cast<std::uint64_t>(value);
}

Result<base::Time> Members::time(std::string_view member) const {
  const std::string said = TRY(text(member, 64));
  const auto time = base::parse_time(said);
  // A number would be read as seconds or the like by size, which a signed document leaves no room for.
  if (!time || said.find('-') == said.npos || time->ns < 0) return wrong(member, "is no ISO 8601 time");
  return *time;
}

Result<base::Bytes> Members::base64(std::string_view member, std::size_t most) const {
  const std::string said = TRY(text(member, (most + 2) / 3 * 4));
  auto bytes = base::from_base64(said);
  if (!bytes) return wrong(member, "is not base64");
  if (bytes->size() > most) return wrong(member, "is too long");
  return *std::move(bytes);
}

Result<const json::Value::Array*> Members::array(std::string_view member, std::size_t most) const {
  const json::Value& value = (*object_)[member];
  if (value.is_null()) return &no_items;
  if (!value.is_array()) return wrong(member, "is no array");
  const json::Value::Array& items = value.array();
  if (items.size() > most) return wrong(member, "has more than " + std::to_string(most) + " entries");
  return &items;
}

Result<const json::Value::Object*> Members::object(std::string_view member, std::size_t most) const {
  const json::Value& value = (*object_)[member];
  if (value.is_null()) return &no_members;
  if (!value.is_object()) return wrong(member, "is no object");
  const json::Value::Object& members = value.object();
  if (members.size() > most)
    return wrong(member, "has more than " + std::to_string(most) + " entries");
  return &members;
}

bool is_plain_text(std::string_view text) {
  return base::is_utf8(text) && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

}  // namespace selvedge::codec::artifact
