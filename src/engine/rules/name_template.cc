#include "engine/rules/name_template.h"

#include <algorithm>

#include "base/text.h"

namespace selvedge::engine {
namespace {

using base::Code;
using base::fail;
using base::Result;

// The n-th level of a topic, from 1.
std::string_view level_of(std::string_view topic, std::size_t n) {
  for (; n > 1; --n) {
    const std::size_t slash = topic.find('/');
    if (slash == topic.npos) return {};
    topic.remove_prefix(slash + 1);
  }
  return topic.substr(0, topic.find('/'));
}

}  // namespace

std::size_t levels_of(std::string_view filter) {
  const auto levels = static_cast<std::size_t>(std::count(filter.begin(), filter.end(), '/')) + 1;
  const bool open_end = filter.ends_with('#');
  return std::max<std::size_t>(1, levels - (open_end ? 1 : 0));
}

Result<NameTemplate::Part> NameTemplate::placeholder(std::string_view name, std::size_t levels) {
  Part part;
  if (name == "topic") part.kind = Part::Kind::topic;
  else if (name == "device") part.kind = Part::Kind::device;
  else if (name == "client") part.kind = Part::Kind::client;
  else if (name == "field") part.kind = Part::Kind::field;
  else part.kind = Part::Kind::level;
  if (part.kind != Part::Kind::level) return part;
  const auto number = base::parse_int(name);
  const std::string shown = "{" + base::printable(name, 32) + "}";
  if (!number || *number < 1)
    return fail(Code::invalid_input,
                shown + ": unknown; {topic}, {1}, {2}, ..., {device}, {client} and {field} are known");
  if (static_cast<std::uint64_t>(*number) > levels)
    return fail(Code::invalid_input, shown + ": the filter promises only " + std::to_string(levels) +
                                         (levels == 1 ? " level" : " levels") +
                                         "; each '+' and each word in it promises one");
  part.level = static_cast<std::size_t>(*number);
  return part;
}

Result<NameTemplate> NameTemplate::parse(std::string_view text, std::size_t levels) {
  NameTemplate result;
  while (!text.empty()) {
    const std::size_t brace = std::min(text.find_first_of("{}"), text.size());
    if (brace > 0) {
      result.parts_.push_back({Part::Kind::literal, 0, std::string(text.substr(0, brace))});
      text.remove_prefix(brace);
      continue;
    }
    const std::size_t end = text.find('}');
    if (text.front() == '}' || end == text.npos)
      return fail(Code::invalid_input, "a brace without its partner");
    result.parts_.push_back(TRY(placeholder(text.substr(1, end - 1), levels)));
    text.remove_prefix(end + 1);
  }
  return result;
}

bool NameTemplate::uses(Part::Kind kind) const {
  return std::any_of(parts_.begin(), parts_.end(), [&](const Part& p) { return p.kind == kind; });
}

std::size_t NameTemplate::fields() const {
  return static_cast<std::size_t>(std::count_if(
      parts_.begin(), parts_.end(), [](const Part& p) { return p.kind == Part::Kind::field; }));
}

void NameTemplate::append(std::string_view more) {
  parts_.push_back({Part::Kind::literal, 0, std::string(more)});
  parts_.push_back({Part::Kind::field, 0, {}});
}

void NameTemplate::expand(const TopicSource& source, std::string& before, std::string& after) const {
  before.clear();
  after.clear();
  std::string* to = &before;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Part::Kind::literal: *to += part.text; break;
      case Part::Kind::topic: *to += source.topic; break;
      case Part::Kind::level: *to += level_of(source.topic, part.level); break;
      case Part::Kind::device: *to += source.device; break;
      case Part::Kind::client: *to += source.client; break;
      case Part::Kind::field: to = &after; break;
    }
  }
}

}  // namespace selvedge::engine
