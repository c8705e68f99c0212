// Flexbuffer: the options of operators that TensorFlow Lite itself does not know: a map from names to
// numbers, in the FlexBuffers format. Only that: values of other kinds are left out. Damaged bytes give
// an error; no byte outside is read.
//
// Source: flatbuffers.dev/internals (FlexBuffers).

#pragma once

#include <map>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec::tflite {

base::Result<std::map<std::string, double>> read_flex_map(base::BytesView bytes);

}  // namespace selvedge::codec::tflite
