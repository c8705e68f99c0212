// http_path: what a path behind /api/2/things/ or in a Ditto message speaks of. Strangers choose it:
// lengths are bounded, ids and features must be names or pointers as they should be.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/twin.h"

namespace selvedge::things {

struct TwinPath {
  enum class Kind : std::uint8_t { twin, part, message };
  Kind kind = Kind::twin;
  model::TwinId id;
  std::string pointer;                 // of a part: "/attributes/a"; "" for the twin
  std::string feature, subject;        // of a message
};

// "edge-1:pump", "edge-1:pump/features/lamp/properties/on", "edge-1:pump/inbox/messages/reset".
// Code::not_found: no such place; Code::invalid_input: not an id, too long.
base::Result<TwinPath> parse_twin_path(std::string_view path);

// Whether a twin may have something at the pointer: "" , "/attributes/..", "/definition",
// "/features/F/properties/.." or "/features/F/desiredProperties/..".
base::Result<void> check_pointer(std::string_view pointer);

// ".../features/F/properties/p/history" asks for what p was.
struct HistoryPath {
  std::string feature, property;       // unescaped; the property's steps joined by '/'
};
std::optional<HistoryPath> history_of(std::string_view pointer);

// For a path or the value of a query in a URL.
std::string escaped_query(std::string_view text);

// "edge-1", "pump" of "edge-1:pump" and of the topic "edge-1/pump/..." make the same id.
base::Result<model::TwinId> parse_twin_id(std::string_view text);

}  // namespace selvedge::things
