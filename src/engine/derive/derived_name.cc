#include "engine/derive/derived_name.h"

#include <algorithm>

#include "base/text.h"

namespace selvedge::engine {

using base::Code;
using base::fail;
using base::Result;

// "{series}" and the word are what a topic template calls "{topic}" and "{field}".
Result<NameTemplate> parse_derived_name(std::string_view text, std::string_view filter, std::string_view output) {
  if (text.empty() || text.size() > 1024) return fail(Code::invalid_input, "a template of 1 to 1024 bytes");
  std::string as_topic;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('{'), text.size());
    as_topic += text.substr(0, open);
    text.remove_prefix(open);
    const std::size_t close = text.find('}');
    const std::string_view word = text.substr(0, close == text.npos ? close : close + 1);
    if (word == "{client}" || word == "{topic}" || word == "{field}")
      return fail(Code::invalid_input, std::string(word) + ": unknown; {series}, {1}, {2}, ..., {device} and " +
                                           std::string(output) + " are known");
    as_topic += word == "{series}" ? "{topic}" : word == output ? "{field}" : word;
    text.remove_prefix(word.size());
  }
  return NameTemplate::parse(as_topic, levels_of(filter));
}

Result<std::string> derived_name(const NameTemplate& name, const model::SeriesDef& source, std::string_view output,
                                 bool may_be_source) {
  std::string made, after;
  name.expand({source.name, source.device, {}}, made, after);
  if (name.fields() > 0) made.append(output).append(after);
  if (made.empty() || made.size() > most_series_name_bytes || (made == source.name && !may_be_source))
    return fail(Code::invalid_input, "name what comes of '" + base::printable(source.name, 64) +
                                         "': empty, longer than 512 bytes, or the series itself");
  return made;
}

std::string rule_label(std::string_view what, std::size_t rule, std::string_view filter) {
  return std::string(what) + " rule " + std::to_string(rule + 1) + " ('" + base::printable(filter, 64) + "')";
}

std::uint64_t fingerprint_of(base::BytesView rule) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;   // FNV-1a
  for (const std::uint8_t byte : rule) hash = (hash ^ byte) * 0x100000001B3ULL;
  return hash;
}

}  // namespace selvedge::engine
