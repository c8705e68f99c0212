#include "codec/tflite/sparse.h"

#include <algorithm>

namespace selvedge::codec::tflite {

using base::Bytes;
using base::Code;
using base::fail;
using base::Result;

namespace {

// Places of fields.
namespace sparsity_field { enum : unsigned { order, block_map, levels }; }
namespace level_field { enum : unsigned { format, size, segments_type, segments, indices_type, indices }; }
// SparseIndexVector
enum Width : std::uint8_t { int32s = 1, uint16s = 2, uint8s = 3 };

// One dimension in the order of storage: all of its places, or only those listed.
struct Level {
  bool dense = true;
  std::size_t size = 0;                            // places
  std::size_t axis = 0;                            // of the tensor
  std::size_t step = 1;                            // how far one place goes along that axis
  std::vector<std::size_t> segments, indices;
};

std::unexpected<base::Error> damaged() { return fail(Code::invalid_input, "its sparse elements are damaged"); }

template <typename T>
std::vector<std::size_t> widened(const Table& table) {
  std::vector<std::size_t> wide;
  for (const T value : table.numbers<T>(0)) wide.push_back(static_cast<std::size_t>(value));
  return wide;
}

Result<std::vector<std::size_t>> index_list(const Table& level, unsigned type, unsigned field) {
  const Table table = level.table(field);
  switch (level.number<std::uint8_t>(type)) {
    case int32s: return widened<std::int32_t>(table);
    case uint16s: return widened<std::uint16_t>(table);
    case uint8s: {
      const base::BytesView bytes = table.bytes(0);
      return std::vector<std::size_t>(bytes.begin(), bytes.end());
    }
    default: return damaged();
  }
}

Result<std::vector<Level>> read_levels(const Tensor& tensor) {
  const std::size_t rank = tensor.shape.size();
  const std::vector<std::int32_t> order = tensor.sparsity.numbers<std::int32_t>(sparsity_field::order);
  const std::vector<std::int32_t> block_map = tensor.sparsity.numbers<std::int32_t>(sparsity_field::block_map);
  const std::vector<Table> tables = tensor.sparsity.tables(sparsity_field::levels);
  if (order.size() != rank + block_map.size() || tables.size() != order.size() || block_map.size() > rank) return damaged();
  std::vector<Level> levels(order.size());
  std::vector<bool> seen(order.size());
  std::vector<std::size_t> block(rank, 1);         // size of the block along each axis
  for (std::size_t i = order.size(); i-- > 0;) {
    const auto dimension = static_cast<std::size_t>(order[i]);
    if (order[i] < 0 || dimension >= order.size() || seen[dimension]) return damaged();
    seen[dimension] = true;
    Level& level = levels[i];
    level.dense = tables[i].number<std::uint8_t>(level_field::format) == 0;
    const std::int32_t mapped = dimension < rank ? order[i] : block_map[dimension - rank];
    if (mapped < 0 || static_cast<std::size_t>(mapped) >= rank) return damaged();
    level.axis = static_cast<std::size_t>(mapped);
    const std::int32_t size = tables[i].number<std::int32_t>(level_field::size);
    if (dimension >= rank) {
      // Places inside of a block, which comes before whole blocks as we go from the back.
      if (!level.dense || size < 1 || block[level.axis] != 1 || static_cast<std::size_t>(order[i]) < rank) return damaged();
      block[level.axis] = static_cast<std::size_t>(size);
      level.size = block[level.axis];
    } else {
      level.step = block[level.axis];
      level.size = static_cast<std::size_t>(tensor.shape[level.axis]) / level.step;
      if (level.size * level.step != static_cast<std::size_t>(tensor.shape[level.axis])) return damaged();
      if (level.dense && size >= 0 && static_cast<std::size_t>(size) != level.size) return damaged();
    }
    if (level.dense) continue;
    level.segments = TRY(index_list(tables[i], level_field::segments_type, level_field::segments));
    level.indices = TRY(index_list(tables[i], level_field::indices_type, level_field::indices));
    if (!std::ranges::is_sorted(level.segments) || level.segments.empty() || level.segments.back() > level.indices.size()) return damaged();
    if (std::ranges::any_of(level.indices, [&](std::size_t place) { return place >= level.size; })) return damaged();
  }
  return levels;
}

class Filler {
 public:
  Filler(const std::vector<Level>& levels, const Tensor& tensor, std::size_t element_bytes, Bytes& to)
      : levels_(levels), from_(tensor.data), element_bytes_(element_bytes), to_(to) {
    steps_.resize(tensor.shape.size());
    std::size_t step = 1;
    for (std::size_t axis = tensor.shape.size(); axis-- > 0;) {
      steps_[axis] = step;
      step *= static_cast<std::size_t>(tensor.shape[axis]);
    }
  }

  // All elements below place `position` of the level before; `at` is where they begin.
  Result<std::size_t> fill(std::size_t depth, std::size_t position, std::size_t at) {
    if (depth == levels_.size()) return element(position, at);
    const Level& level = levels_[depth];
    const std::size_t step = level.step * steps_[level.axis];
    if (level.dense) {
      for (std::size_t i = 0; i < level.size; ++i) TRY(fill(depth + 1, position * level.size + i, at + i * step));
      return at;
    }
    if (position + 1 >= level.segments.size()) return damaged();
    for (std::size_t i = level.segments[position]; i < level.segments[position + 1]; ++i) {
      TRY(fill(depth + 1, i, at + level.indices[i] * step));
    }
    return at;
  }

 private:
  Result<std::size_t> element(std::size_t position, std::size_t at) {
    if (position >= from_.size() / element_bytes_ || at >= to_.size() / element_bytes_) return damaged();
    std::memcpy(to_.data() + at * element_bytes_, from_.data() + position * element_bytes_, element_bytes_);
    return at;
  }

  const std::vector<Level>& levels_;
  base::BytesView from_;
  std::size_t element_bytes_;
  Bytes& to_;
  std::vector<std::size_t> steps_;
};

}  // namespace

Result<Bytes> dense_elements(const Tensor& tensor, std::size_t most) {
  const auto type = element_type(tensor.type);
  const std::size_t element_bytes = type ? onnx::bytes_of(*type) : 0;
  if (element_bytes == 0 || tensor.shape.empty()) return fail(Code::invalid_input, "its elements are of an unknown kind");
  const std::size_t elements = TRY(onnx::elements_of(tensor.shape));
  if (elements > most / element_bytes) return fail(Code::exhausted, "it would take more than " + std::to_string(most) + " bytes");
  const std::vector<Level> levels = TRY(read_levels(tensor));
  Bytes dense(elements * element_bytes);
  if (elements == 0) return dense;
  Filler filler(levels, tensor, element_bytes, dense);
  TRY(filler.fill(0, 0, 0));
  return dense;
}

}  // namespace selvedge::codec::tflite
