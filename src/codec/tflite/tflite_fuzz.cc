// Arbitrary bytes as a TensorFlow Lite file: what can be imported can be written as ONNX and reads equal.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "codec/tflite/import.h"

namespace onnx = selvedge::codec::onnx;
namespace tflite = selvedge::codec::tflite;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto imported = tflite::import({data, size}, {.densified_bytes = 1 << 20, .constant_bytes = 1 << 24});
  if (!imported) return 0;
  const selvedge::base::Bytes once = onnx::write(imported->graph);
  const auto again = onnx::read(once);
  // Bytes are compared, since a NaN is not equal to itself.
  if (!again || onnx::write(*again) != once) std::abort();
  return 0;
}
