// Members: reading the members of a JSON document whose every error names the document and the
// member. Private to codec/artifact.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/json/value.h"

namespace selvedge::codec::artifact {

// The root object of `json`, of at most model::ArtifactLimits::document_bytes and so few separators
// that the values made of it stay small. `what` is for errors: "read manifest".
base::Result<json::Value> parse_object(std::string_view json, std::string_view what);

// One object being read; it and `what` must outlive this.
class Members {
 public:
  Members(const json::Value& object, std::string_view what) : object_(&object), what_(what) {}

  // Each is an error if the member is missing, of another type, or out of bounds.
  base::Result<std::string> text(std::string_view member, std::size_t most) const;
  base::Result<std::string> text_or_empty(std::string_view member, std::size_t most) const;
  base::Result<std::uint64_t> number(std::string_view member, std::uint64_t low,
                                     std::uint64_t high) const;
  base::Result<base::Time> time(std::string_view member) const;
  base::Result<base::Bytes> base64(std::string_view member, std::size_t most) const;
  // An array or object of at most `most`; a missing one is empty.
  base::Result<const json::Value::Array*> array(std::string_view member, std::size_t most) const;
  base::Result<const json::Value::Object*> object(std::string_view member, std::size_t most) const;

  bool has(std::string_view member) const { return !(*object_)[member].is_null(); }
  std::unexpected<base::Error> wrong(std::string_view member, std::string_view why) const;

 private:
  const json::Value* object_;
  std::string_view what_;
};

// Printable, so that it is safe to show: UTF-8 without control characters.
bool is_plain_text(std::string_view text);

}  // namespace selvedge::codec::artifact
