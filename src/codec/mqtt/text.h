// Text: what MQTT allows in a UTF-8 encoded string (1.5.4) and in a topic (4.7). Private.

#pragma once

#include <string_view>

namespace selvedge::codec::mqtt {

// Well-formed UTF-8 without U+0000.
bool is_text(std::string_view text);

enum class Wildcards : bool { none, found };
struct TextScan {
  bool valid = false;
  Wildcards wildcards = Wildcards::none;         // '+' or '#' anywhere; only if valid
};
TextScan scan_topic(std::string_view text);

}  // namespace selvedge::codec::mqtt
