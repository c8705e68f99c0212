// LineProtocol: InfluxDB line protocol: measurement,tag=v field=1,other=2i 1700000000000000000
//
// A field's reading is named measurement[,tag=v...]/field, unescaped, with the tags in the order of
// their keys, so that a series keeps its name whichever order a client writes. Numbers are float64
// (also "1"), "1i" and "1u" int64, t, T, true, True, TRUE and the same of false boolean, quoted
// strings text. The time's unit is Options::time_unit; automatic tells it by size. Lines that begin
// with '#' and blank lines are skipped; "\r\n" ends a line too.

#pragma once

#include <string_view>

#include "base/result.h"
#include "codec/payload/output.h"

namespace selvedge::codec::payload {

base::Result<void> decode_line_protocol(std::string_view text, const Options& options, Output& out);

// Whether a text might be line protocol: a first line with a word, a space and a '='.
bool looks_like_line_protocol(std::string_view text);

}  // namespace selvedge::codec::payload
