// Arbitrary bytes as a model: what is read can be written, and reads equal.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "codec/onnx/graph.h"

namespace onnx = selvedge::codec::onnx;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto graph = onnx::read({data, size}, {.bytes = 1 << 20, .parts = 100'000});
  if (!graph) return 0;
  const selvedge::base::Bytes once = onnx::write(*graph);
  const auto again = onnx::read(once);
  // Bytes are compared, since a NaN is not equal to itself.
  if (!again || onnx::write(*again) != once) std::abort();
  return 0;
}
