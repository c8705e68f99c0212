// Tensor data in JSON: arrays, flat or nested, to elements and back. Private to codec/inference.

#pragma once

#include <simdjson.h>

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/inference/request.h"

namespace selvedge::codec::inference {

// Reads `count` elements of input.type from `array` into input.owned, and lets the views see them.
base::Result<void> read_elements(simdjson::ondemand::array array, std::size_t count, InputTensor& input);

// Appends the elements as a flat JSON array. What JSON cannot hold (NaN) becomes null.
void write_elements(ElementType type, base::BytesView data, const std::vector<std::string>& texts,
                    std::string& out);

// What simdjson says, as an error of ours.
std::unexpected<base::Error> json_error(std::string_view what, simdjson::error_code code);

}  // namespace selvedge::codec::inference
