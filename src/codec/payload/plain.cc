#include "codec/payload/plain.h"

#include "base/text.h"
#include "codec/payload/number.h"

namespace selvedge::codec::payload {

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  return text;
}

std::optional<model::ValueView> parse_plain(std::string_view trimmed) {
  if (trimmed.empty()) return std::nullopt;
  switch (trimmed.front()) {
    case 't':
    case 'T':
      if (trimmed == "true" || trimmed == "True" || trimmed == "TRUE")
        return model::ValueView::of(true);
      return std::nullopt;
    case 'f':
    case 'F':
      if (trimmed == "false" || trimmed == "False" || trimmed == "FALSE")
        return model::ValueView::of(false);
      return std::nullopt;
    default: break;
  }
  if (const auto number = parse_decimal(trimmed, Grammar::lenient)) return to_value(*number);
  return std::nullopt;
}

base::Result<void> decode_plain(std::string_view text, const Options& options, Output& out) {
  const std::string_view trimmed = trim(text);
  if (const auto value = parse_plain(trimmed)) return out.put({}, std::nullopt, *value);
  if (trimmed.empty()) return base::fail(base::Code::invalid_input, "empty");
  if (parse_decimal(trimmed, Grammar::lenient))
    return base::fail(base::Code::invalid_input, quote(trimmed) + ": too large a number");
  if (!options.text_values)
    return base::fail(base::Code::invalid_input,
                      quote(trimmed) + ": neither a number nor true or false");
  if (!is_ascii(trimmed) && !base::is_utf8(trimmed))
    return base::fail(base::Code::invalid_input, "text: not UTF-8");
  return out.put({}, std::nullopt, model::ValueView::of(trimmed));
}

}  // namespace selvedge::codec::payload
