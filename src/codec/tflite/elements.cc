#include "codec/tflite/elements.h"

#include <algorithm>

namespace selvedge::codec::tflite {

using base::Bytes;
using base::BytesView;

namespace {

// True if the elements stay where they are: axes of more than one element keep their order.
bool keeps_places(const Shape& shape, std::span<const std::size_t> order) {
  std::size_t last = 0;
  for (const std::size_t axis : order) {
    if (shape[axis] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

template <typename T>
void reorder(const std::uint8_t* from, std::uint8_t* to, std::span<const std::int64_t> sizes,
             std::span<const std::size_t> steps) {
  const std::size_t inner = sizes.size() - 1;
  std::vector<std::int64_t> at(sizes.size(), 0);
  std::size_t offset = 0;
  for (;;) {
    for (std::int64_t i = 0; i < sizes[inner]; ++i, to += sizeof(T)) {
      std::memcpy(to, from + (offset + static_cast<std::size_t>(i) * steps[inner]) * sizeof(T), sizeof(T));
    }
    std::size_t axis = inner;
    for (;;) {
      if (axis == 0) return;
      --axis;
      offset += steps[axis];
      if (++at[axis] < sizes[axis]) break;
      offset -= steps[axis] * static_cast<std::size_t>(sizes[axis]);
      at[axis] = 0;
    }
  }
}

template <typename T>
void to_reals(BytesView data, float* to, std::size_t inner, const Quantisation& quantisation) {
  const std::size_t scales = quantisation.scales.size();
  const T* from = reinterpret_cast<const T*>(data.data());
  for (std::size_t at = 0, scale = 0; at < data.size(); at += inner, scale = scale + 1 == scales ? 0 : scale + 1) {
    const auto zero = static_cast<float>(quantisation.zero_points[scale]);
    for (std::size_t i = at; i < at + inner; ++i) to[i] = quantisation.scales[scale] * (static_cast<float>(from[i]) - zero);
  }
}

}  // namespace

Shape reordered(const Shape& shape, std::span<const std::size_t> order) {
  Shape result;
  for (const std::size_t axis : order) result.push_back(shape[axis]);
  return result;
}

Bytes reordered(BytesView data, std::size_t element_bytes, const Shape& shape, std::span<const std::size_t> order) {
  if (data.empty() || order.empty() || keeps_places(shape, order)) return {data.begin(), data.end()};
  std::vector<std::size_t> from_steps(shape.size()), steps;
  std::size_t step = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    from_steps[axis] = step;
    step *= static_cast<std::size_t>(shape[axis]);
  }
  for (const std::size_t axis : order) steps.push_back(from_steps[axis]);
  const Shape sizes = reordered(shape, order);
  Bytes result(data.size());
  switch (element_bytes) {
    case 1: reorder<std::uint8_t>(data.data(), result.data(), sizes, steps); break;
    case 2: reorder<std::uint16_t>(data.data(), result.data(), sizes, steps); break;
    case 4: reorder<std::uint32_t>(data.data(), result.data(), sizes, steps); break;
    default: reorder<std::uint64_t>(data.data(), result.data(), sizes, steps); break;
  }
  return result;
}

Bytes dequantised(BytesView data, TensorType type, const Shape& shape, std::size_t axis,
                  const Quantisation& quantisation) {
  Bytes result(data.size() * sizeof(float));
  std::size_t inner = data.size();
  if (quantisation.scales.size() > 1) {
    inner = 1;
    for (std::size_t i = axis + 1; i < shape.size(); ++i) inner *= static_cast<std::size_t>(shape[i]);
  }
  if (inner == 0) return result;
  auto* to = reinterpret_cast<float*>(result.data());
  if (type == TensorType::int8) {
    to_reals<std::int8_t>(data, to, inner, quantisation);
  } else {
    to_reals<std::uint8_t>(data, to, inner, quantisation);
  }
  return result;
}

}  // namespace selvedge::codec::tflite
