#include "codec/payload/payload.h"

#include <array>

#include "base/text.h"
#include "codec/payload/json.h"
#include "codec/payload/line_protocol.h"
#include "codec/payload/output.h"
#include "codec/payload/plain.h"
#include "codec/payload/senml_cbor.h"

namespace selvedge::codec::payload {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr std::array<std::pair<Format, std::string_view>, 7> format_names{{
    {Format::detect, "detect"},
    {Format::number, "number"},
    {Format::json, "json"},
    {Format::ndjson, "ndjson"},
    {Format::senml_json, "senml-json"},
    {Format::senml_cbor, "senml-cbor"},
    {Format::line_protocol, "line-protocol"},
}};

std::string_view without_byte_order_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

// An array head, or the tag that marks CBOR (RFC 8949 section 3.4.6). Neither begins a UTF-8 text.
bool looks_like_cbor(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  return (first >= 0x80 && first <= 0x9F) || text.starts_with("\xD9\xD9\xF7");
}

Result<void> decode_detected(std::string_view text, const Options& options, base::Time arrival,
                             Output& out) {
  const std::string_view trimmed = trim(text);
  if (trimmed.empty()) return {};
  switch (trimmed.front()) {
    case '{':
    case '[': return decode_any_json(text, options, arrival, out);
    case '"': return decode_json(text, options, out);
    default: break;
  }
  // Line protocol has a '=' after a space, a number and a boolean have neither.
  if (looks_like_line_protocol(trimmed)) return decode_line_protocol(text, options, out);
  return decode_plain(trimmed, options, out);
}

Result<void> decode_text(Format format, std::string_view text, const Options& options,
                         base::Time arrival, Output& out) {
  text = without_byte_order_mark(text);
  switch (format) {
    case Format::number: return decode_plain(text, options, out);
    case Format::json: return decode_json(text, options, out);
    case Format::ndjson: return decode_ndjson(text, options, out);
    case Format::senml_json: return decode_senml_json(text, options, arrival, out);
    case Format::line_protocol: return decode_line_protocol(text, options, out);
    case Format::senml_cbor:
    case Format::detect: break;
  }
  return decode_detected(text, options, arrival, out);
}

}  // namespace

Result<Format> parse_format(std::string_view text) {
  std::vector<std::string> known;
  for (const auto& [format, word] : format_names) {
    if (word == text) return format;
    known.emplace_back(word);
  }
  const auto near = base::did_you_mean(text, known);
  return fail(Code::invalid_input,
              "payload format " + quote(text) + ": unknown; " +
                  (near ? "did you mean " + *near + "?"
                        : "one of detect, number, json, ndjson, senml-json, senml-cbor, "
                          "line-protocol is expected"));
}

std::string_view name(Format format) {
  for (const auto& [known, word] : format_names)
    if (known == format) return word;
  return "detect";
}

Result<std::size_t> decode(base::BytesView payload, const Options& options, base::Time arrival,
                           const std::function<void(const Found&)>& sink) {
  Output out(options, sink);
  const std::string_view text = base::as_text(payload);
  Format format = options.format;
  if (format == Format::detect && !text.empty() && looks_like_cbor(text))
    format = Format::senml_cbor;
  Result<void> result = format == Format::senml_cbor
                            ? decode_senml_cbor(payload, options, arrival, out)
                            : decode_text(format, text, options, arrival, out);
  if (!result)
    return std::unexpected(
        std::move(result).error().while_doing("decode " + std::string(name(format))));
  return out.count();
}

}  // namespace selvedge::codec::payload
