// NameTemplate: a name with placeholders, taken apart once: "plant/{2}/{field}".

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/rules/topic_map.h"

namespace selvedge::engine {

// How many levels a filter promises: "a/+/c" three, "a/#" one, as it matches "a" too.
std::size_t levels_of(std::string_view filter);

class NameTemplate {
 public:
  // `levels`: how many levels every topic has that the template is used for.
  // Code::invalid_input for a placeholder that is unknown, open, or a level beyond `levels`.
  static base::Result<NameTemplate> parse(std::string_view text, std::size_t levels);

  bool uses_device() const { return uses(Part::Kind::device); }
  bool uses_client() const { return uses(Part::Kind::client); }
  std::size_t fields() const;          // how often {field} stands in it
  // The template is "{device}" and nothing else.
  bool is_device() const { return parts_.size() == 1 && uses_device(); }
  void append(std::string_view more);  // literal text and {field}, as in "/{field}"

  // What stands before {field} and what behind it, for one message.
  void expand(const TopicSource& source, std::string& before, std::string& after) const;

 private:
  struct Part {
    enum class Kind : std::uint8_t { literal, topic, level, device, client, field };
    Kind kind = Kind::literal;
    std::size_t level = 0;             // from 1
    std::string text;
  };
  static base::Result<Part> placeholder(std::string_view name, std::size_t levels);
  bool uses(Part::Kind kind) const;

  std::vector<Part> parts_;
};

}  // namespace selvedge::engine
