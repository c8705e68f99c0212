// Labels: names of classes that travel with a model: a text file, one name a line, in a ZIP archive
// behind the model's own bytes.

#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec::tflite {

// Empty if there is no archive, or none of its members is a text file. Of several, the first with
// "label" in its name. Code::corrupt if the archive is damaged; Code::exhausted above `most` bytes.
base::Result<std::vector<std::string>> read_labels(base::BytesView file, std::size_t most);

}  // namespace selvedge::codec::tflite
