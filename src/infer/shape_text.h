// "[1,300,300,3]" for messages; "?" for a size that is left open.

#pragma once

#include <span>
#include <string>

namespace selvedge::infer {

inline std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (const std::int64_t size : shape) text += (text.size() > 1 ? "," : "") + (size < 0 ? "?" : std::to_string(size));
  return text + "]";
}

}  // namespace selvedge::infer
