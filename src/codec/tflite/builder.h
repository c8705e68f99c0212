// Builder: the ONNX graph as it grows, operator by operator.
//
// A tensor of the file can be needed in two layouts (rows: channels last, as in the file; planes:
// channels first, as ONNX has it) and, if it is quantised, as stored integers and as the real numbers
// they stand for. The builder keeps the forms that exist and makes a missing one where it is first
// asked for, so that layouts change as rarely as possible. One conversion, one thread.

#pragma once

#include <array>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "codec/tflite/model.h"

namespace selvedge::codec::tflite {

enum class Layout : std::uint8_t { rows, planes };
enum class Numbers : std::uint8_t { real, stored };

// As in the schema.
enum class Activation : std::uint8_t { none = 0, relu = 1, relu_n1_to_1 = 2, relu6 = 3, tanh = 4, sign_bit = 5 };

struct Done {};

// The elements of a constant, still in the file or, if they had to be computed, in the builder.
struct Known {
  TensorType type = TensorType::float32;
  Shape shape;
  base::BytesView data;
  Quantisation quantisation;                       // without scales: none

  bool quantised() const { return !quantisation.scales.empty(); }
};

class Builder {
 public:
  explicit Builder(const Model& model);

  const Tensor& tensor(std::int32_t index) const { return model_->tensors[static_cast<std::size_t>(index)]; }
  const Known* known(std::int32_t index) const;    // null: not a constant
  // Makes the tensor a constant; if its elements had to be computed, `keep` holds them.
  base::Result<Done> define_known(std::int32_t index, Known known, base::Bytes keep = {});
  std::size_t constant_bytes() const { return constant_bytes_; }   // in the graph so far
  // Of a constant of int32 or int64.
  base::Result<std::vector<std::int64_t>> integers(std::int32_t index) const;

  // The name of a value; makes it in that form if need be. Constants of up to four dimensions have
  // planes, too. Numbers::stored is the same as real for what is not quantised.
  base::Result<std::string> value(std::int32_t index, Layout layout, Numbers numbers = Numbers::real);
  // In rows or, if the elements have the same order there, in planes.
  base::Result<std::string> flat(std::int32_t index, Numbers numbers);
  bool in_planes(std::int32_t index) const;
  // Planes if one of the tensors is there already and the others can be without being moved.
  Layout layout_of(std::span<const std::int32_t> indices) const;

  // Adds an operator and returns its first output.
  std::string add(std::string_view op, std::vector<std::string> inputs, std::vector<onnx::Attribute> attributes = {});
  std::vector<std::string> add_many(std::string_view op, std::vector<std::string> inputs,
                                    std::vector<onnx::Attribute> attributes, std::size_t outputs);
  std::string constant(onnx::ElementType type, Shape shape, base::Bytes data, std::string_view hint = "constant");
  std::string integer_list(std::span<const std::int64_t> values);
  std::string integer_list(std::initializer_list<std::int64_t> values) { return integer_list(std::span(values.begin(), values.end())); }
  std::string real(float value);
  std::string scale_of(const Quantisation& quantisation);
  std::string zero_point_of(const Quantisation& quantisation, TensorType type);

  // An input of the graph.
  base::Result<Done> define_input(std::int32_t index);
  // Says that `name` is the tensor in that form.
  base::Result<Done> define(std::int32_t index, Layout layout, Numbers numbers, const std::string& name);
  // The same for real numbers just computed: through the activation, and quantised if the tensor is.
  base::Result<Done> finish(std::int32_t index, Layout layout, std::string name, Activation activation = Activation::none);
  // How an operator that only moves elements takes its input: stored if both are quantised alike.
  Numbers moved(std::int32_t from, std::int32_t to) const;
  // define() or finish(), by what moved() said.
  base::Result<Done> finish_moved(std::int32_t index, Layout layout, Numbers numbers, const std::string& name);

  void begin(const Operator& op, std::size_t number);
  std::string describe(std::int32_t index) const;  // "tensor 4 'conv/relu'"
  base::Result<onnx::Graph> take();                // adds what the outputs still need

 private:
  using Forms = std::array<std::string, 4>;
  static std::size_t form(Layout layout, Numbers numbers) {
    return static_cast<std::size_t>(layout) * 2 + static_cast<std::size_t>(numbers);
  }
  std::string unique(std::string name);
  const std::string& name_of(std::int32_t index);
  base::Result<std::string> known_value(std::int32_t index, Layout layout, Numbers numbers);
  base::Result<std::string> made_value(std::int32_t index, Layout layout, Numbers numbers);
  std::string activated(std::string name, Activation activation, const Tensor& tensor);
  Numbers own(std::int32_t index) const;           // the numbers that the file means
  void rename(const std::string& from, const std::string& to);

  const Model* model_;
  onnx::Graph graph_;
  std::vector<Forms> forms_;
  std::vector<std::string> names_;                 // of tensors; empty: none yet
  std::vector<std::optional<Known>> known_;
  std::deque<base::Bytes> kept_;
  std::unordered_set<std::string> used_;
  std::vector<std::string> fresh_;                 // outputs of the last operator that nothing has yet
  std::string step_;                               // name of operators that are added
  std::size_t added_ = 0, constant_bytes_ = 0;
};

// Attributes.
inline onnx::Attribute attribute(std::string name, std::int64_t value) { return {std::move(name), value}; }
inline onnx::Attribute attribute(std::string name, float value) { return {std::move(name), value}; }
inline onnx::Attribute attribute(std::string name, std::string value) { return {std::move(name), std::move(value)}; }
inline onnx::Attribute attribute(std::string name, std::vector<std::int64_t> value) { return {std::move(name), std::move(value)}; }

inline onnx::Attribute attribute(std::string name, std::initializer_list<std::int64_t> value) {
  return {std::move(name), std::vector<std::int64_t>(value)};
}

}  // namespace selvedge::codec::tflite
