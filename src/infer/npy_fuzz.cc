#include <cstdlib>

#include "infer/npy.h"

using namespace selvedge;

// What is read has as many bytes as its shape says, and not more than the file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto tensor = infer::read_npy({data, size});
  if (!tensor) return 0;
  const auto elements = codec::onnx::elements_of(tensor->shape);
  if (!elements || *elements * codec::onnx::bytes_of(tensor->type) != tensor->data.size() || tensor->data.size() > size) std::abort();
  return 0;
}
