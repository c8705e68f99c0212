// Text: the few conversions between bytes and printable text that every module needs.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::base {

std::string to_hex(BytesView bytes);
Result<Bytes> from_hex(std::string_view text);
std::string to_base64(BytesView bytes);             // RFC 4648 with padding
Result<Bytes> from_base64(std::string_view text);   // takes the standard and the URL alphabet

// True if `text` is well-formed UTF-8 (no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

// The shortest decimal text that reads back as the same double; "nan", "inf", "-inf" for those.
std::string to_text(double value);
std::optional<double> parse_double(std::string_view text);
std::optional<std::int64_t> parse_int(std::string_view text);

// Sizes for people and config files: "64KiB", "10MiB", "1GiB", "500kB", or plain bytes.
Result<std::uint64_t> parse_size(std::string_view text);
std::string size_text(std::uint64_t bytes);

// The candidate nearest to `word` by edit distance, if it is near enough to be a typing error.
std::optional<std::string> did_you_mean(std::string_view word,
                                        const std::vector<std::string>& candidates);

// Safe to print in a log line: control characters escaped, cut to `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 120);

}  // namespace selvedge::base
