// Small TensorFlow Lite files for tests: a writer of FlatBuffers, and models as lists of tensors and
// operators.

#pragma once

#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "codec/tflite/model.h"

namespace selvedge::codec::tflite {

// A number, list, text, table or list of tables, to be written with everything below it.
struct Flat {
  enum class Kind { none, number, list, table, tables } kind = Kind::none;
  base::Bytes bytes;                               // of a number or list
  std::size_t count = 0;                           // of a list
  std::vector<Flat> below;                         // of a table: its fields in order

  template <typename T>
  static Flat number(T value) {
    Flat flat{Kind::number, base::Bytes(sizeof(T)), 1, {}};
    std::memcpy(flat.bytes.data(), &value, sizeof(T));
    return flat;
  }
  template <typename T>
  static Flat list(const std::vector<T>& values) {
    Flat flat{Kind::list, base::Bytes(values.size() * sizeof(T)), values.size(), {}};
    if (!values.empty()) std::memcpy(flat.bytes.data(), values.data(), flat.bytes.size());
    return flat;
  }
  static Flat text(const std::string& text) {
    Flat flat{Kind::list, base::to_bytes(text), text.size(), {}};
    flat.bytes.push_back(0);
    return flat;
  }
  static Flat table(std::vector<Flat> fields) { return {Kind::table, {}, 0, std::move(fields)}; }
  static Flat tables(std::vector<Flat> tables) { return {Kind::tables, {}, 0, std::move(tables)}; }
};

class FlatWriter {
 public:
  // The root's offset, the identifier, the root.
  base::Bytes write(const Flat& root) {
    out_.assign(8, 0);
    std::memcpy(out_.data() + 4, "TFL3", 4);
    point(0, put(root));
    return out_;
  }

 private:
  template <typename T>
  void set(std::size_t at, T value) {
    if (out_.size() < at + sizeof(T)) out_.resize(at + sizeof(T));
    std::memcpy(out_.data() + at, &value, sizeof(T));
  }
  void point(std::size_t from, std::size_t to) { set(from, static_cast<std::uint32_t>(to - from)); }
  void align(std::size_t to, std::size_t after = 0) {
    while ((out_.size() + after) % to != 0) out_.push_back(0);
  }

  std::size_t put(const Flat& flat) {
    if (flat.kind == Flat::Kind::list) {
      align(16, 4);                                // elements, after their count
      const std::size_t at = out_.size();
      set(at, static_cast<std::uint32_t>(flat.count));
      base::append(out_, flat.bytes);
      return at;
    }
    if (flat.kind == Flat::Kind::tables) {
      align(4);
      const std::size_t at = out_.size();
      set(at, static_cast<std::uint32_t>(flat.below.size()));
      out_.resize(out_.size() + 4 * flat.below.size());
      for (std::size_t i = 0; i < flat.below.size(); ++i) point(at + 4 + 4 * i, put(flat.below[i]));
      return at;
    }
    return put_table(flat);
  }

  std::size_t put_table(const Flat& flat) {
    align(8);
    const std::size_t places = out_.size(), count = flat.below.size();
    set(places, static_cast<std::uint16_t>(4 + 2 * count));
    out_.resize(places + 4 + 2 * count);
    align(8);
    const std::size_t at = out_.size();
    set(at, static_cast<std::int32_t>(at - places));
    out_.resize(at + 8);
    for (std::size_t i = 0; i < count; ++i) {
      const Flat& field = flat.below[i];
      if (field.kind == Flat::Kind::none) continue;
      align(8);
      set(places + 4 + 2 * i, static_cast<std::uint16_t>(out_.size() - at));
      if (field.kind == Flat::Kind::number) base::append(out_, field.bytes);
      else out_.resize(out_.size() + 4);
    }
    set(places + 2, static_cast<std::uint16_t>(out_.size() - at));
    for (std::size_t i = 0; i < count; ++i) {
      const Flat& field = flat.below[i];
      if (field.kind == Flat::Kind::none || field.kind == Flat::Kind::number) continue;
      std::uint16_t place;
      std::memcpy(&place, out_.data() + places + 4 + 2 * i, sizeof place);
      const std::size_t below = put(field);
      point(at + place, below);
    }
    return at;
  }

  base::Bytes out_;
};

struct TensorForTest {
  std::string name;
  std::vector<std::int32_t> shape;
  TensorType type = TensorType::float32;
  base::Bytes data = {};                           // of a constant
  std::vector<float> scales = {};
  std::vector<std::int64_t> zero_points = {};
  std::int32_t dimension = 0;
  Flat sparsity = {};
};

struct OperatorForTest {
  std::int32_t code = 0;
  std::vector<std::int32_t> inputs, outputs;
  std::vector<Flat> options = {};                  // fields of its table
  std::string custom = {};
  base::Bytes custom_options = {};
};

struct FileForTest {
  std::vector<TensorForTest> tensors;
  std::vector<OperatorForTest> operators;
  std::vector<std::int32_t> inputs, outputs;
  std::string description = "for a test";

  base::Bytes bytes() const {
    std::vector<Flat> codes, tensor_tables, operator_tables, buffers{Flat::table({})};
    for (const TensorForTest& tensor : tensors) {
      std::uint32_t buffer = 0;
      if (!tensor.data.empty()) {
        buffer = static_cast<std::uint32_t>(buffers.size());
        buffers.push_back(Flat::table({Flat::list(tensor.data)}));
      }
      Flat quantisation;
      if (!tensor.scales.empty()) {
        quantisation = Flat::table({{}, {}, Flat::list(tensor.scales), Flat::list(tensor.zero_points), {}, {}, Flat::number(tensor.dimension)});
      }
      tensor_tables.push_back(Flat::table({Flat::list(tensor.shape), Flat::number(static_cast<std::uint8_t>(tensor.type)),
                                           Flat::number(buffer), Flat::text(tensor.name), quantisation, {}, tensor.sparsity}));
    }
    for (const OperatorForTest& op : operators) {
      const auto index = static_cast<std::uint32_t>(codes.size());
      codes.push_back(Flat::table({Flat::number(static_cast<std::int8_t>(std::min(op.code, 127))),
                                   op.custom.empty() ? Flat{} : Flat::text(op.custom), Flat::number(std::int32_t{1}), Flat::number(op.code)}));
      operator_tables.push_back(Flat::table({Flat::number(index), Flat::list(op.inputs), Flat::list(op.outputs),
                                             Flat::number(std::uint8_t{1}), Flat::table(op.options),
                                             op.custom_options.empty() ? Flat{} : Flat::list(op.custom_options)}));
    }
    const Flat graph = Flat::table({Flat::tables(tensor_tables), Flat::list(inputs), Flat::list(outputs), Flat::tables(operator_tables)});
    return FlatWriter().write(Flat::table({Flat::number(std::uint32_t{3}), Flat::tables(codes), Flat::tables({graph}),
                                           Flat::text(description), Flat::tables(buffers)}));
  }
};

template <typename T>
base::Bytes data_of(const std::vector<T>& values) {
  base::Bytes bytes(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// A map of numbers as FlexBuffers, all four bytes wide. Whole numbers are written as integers.
inline base::Bytes flex_map(const std::map<std::string, float>& entries) {
  base::Bytes out;
  std::vector<std::size_t> keys;
  const auto put = [&](std::uint32_t value) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  };
  for (const auto& [key, value] : entries) {
    keys.push_back(out.size());
    base::append(out, base::as_bytes(key));
    out.push_back(0);
  }
  while (out.size() % 4 != 0) out.push_back(0);
  const auto count = static_cast<std::uint32_t>(entries.size());
  put(count);
  const std::size_t key_list = out.size();
  for (const std::size_t key : keys) put(static_cast<std::uint32_t>(out.size() - key));
  put(static_cast<std::uint32_t>(out.size() - key_list));
  put(4);
  put(count);
  const std::size_t values = out.size();
  base::Bytes types;
  for (const auto& [key, value] : entries) {
    const bool whole = value == static_cast<float>(static_cast<std::int32_t>(value));
    std::uint32_t bits = static_cast<std::uint32_t>(static_cast<std::int32_t>(value));
    if (!whole) std::memcpy(&bits, &value, sizeof bits);
    put(bits);
    types.push_back(static_cast<std::uint8_t>((whole ? 1U : 3U) << 2 | 2U));
  }
  base::append(out, types);
  const std::size_t distance = out.size() - values;
  out.push_back(static_cast<std::uint8_t>(distance));
  out.push_back(static_cast<std::uint8_t>(distance >> 8));
  out.push_back(9 << 2 | 2);
  out.push_back(2);
  return out;
}

}  // namespace selvedge::codec::tflite
