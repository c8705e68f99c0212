// Json: the decoders of JSON payloads. simdjson reads; json.cc is the one file that includes it.
//
// Everything in a message is looked at, so that a damaged message is refused whole. Scratch memory
// is kept by each thread between calls, up to some MiB, and carries nothing from one to the next.

#pragma once

#include <string_view>

#include "base/result.h"
#include "codec/payload/output.h"

namespace selvedge::codec::payload {

// Fields of an object, or of each object of an array; or one value that stands alone.
base::Result<void> decode_json(std::string_view text, const Options& options, Output& out);

// One object a line; blank lines are skipped.
base::Result<void> decode_ndjson(std::string_view text, const Options& options, Output& out);

base::Result<void> decode_senml_json(std::string_view text, const Options& options,
                                     base::Time arrival, Output& out);

// What of these a text that begins with '[' or '{' is: SenML if it is an array whose first object has
// "bn", or "n" beside one of v, vs, vb, vd, s; NDJSON if objects follow each other on lines of their
// own; else JSON.
base::Result<void> decode_any_json(std::string_view text, const Options& options,
                                   base::Time arrival, Output& out);

}  // namespace selvedge::codec::payload
