// Elements: arrays of a model's constants in another order or another type.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "codec/tflite/model.h"

namespace selvedge::codec::tflite {

// `order[i]` is the axis of `shape` that becomes axis i. `data` holds the elements of `shape`.
base::Bytes reordered(base::BytesView data, std::size_t element_bytes, const Shape& shape,
                      std::span<const std::size_t> order);
Shape reordered(const Shape& shape, std::span<const std::size_t> order);

// IEEE half precision to single, exactly; `to` has room for as many.
void halves_to_floats(const std::uint8_t* from, float* to, std::size_t count);

// Stored integers to real numbers: one scale, or one for each index of axis `axis` of `shape`.
base::Bytes dequantised(base::BytesView data, TensorType type, const Shape& shape, std::size_t axis,
                        const Quantisation& quantisation);

template <typename T>
base::Bytes bytes_of_values(std::span<const T> values) {
  base::Bytes bytes(values.size_bytes());
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

}  // namespace selvedge::codec::tflite
