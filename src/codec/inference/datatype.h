// Datatype: the names that the Open Inference Protocol gives to the types of tensors ("FP32"), and
// half-precision numbers. Pure; any thread.

#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "codec/onnx/graph.h"

namespace selvedge::codec::inference {

using onnx::ElementType;

std::string_view datatype_of(ElementType type);    // "BYTES" for text
// Code::invalid_input for a name that is none, or one that this program has no type for (BF16).
base::Result<ElementType> parse_datatype(std::string_view name);

// IEEE 754 binary16; to it rounds to nearest, ties to even.
float from_half(std::uint16_t half);
std::uint16_t to_half(float number);

}  // namespace selvedge::codec::inference
