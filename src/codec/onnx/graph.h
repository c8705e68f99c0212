// Graph: a neural network as values, in the operators and types of ONNX: what the importer makes, the
// quantiser changes, and the model runtime is given as bytes.
//
// read() takes bytes from anyone: lengths, counts and depth are bounded, a constant may not claim more
// than its bytes, and what it gives back can be written again. Parts of a model that we do not keep
// (doc strings, metadata, training data) are skipped; a model with functions, with sparse constants or
// with constants in other files is refused, since it would mean something else without them.
//
// Source: onnx.proto (ONNX IR version 3 to 10), Protocol Buffers wire format.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec::onnx {

// Numbers as in onnx.proto.
enum class ElementType : std::uint8_t {
  float32 = 1, uint8 = 2, int8 = 3, uint16 = 4, int16 = 5, int32 = 6, int64 = 7, text = 8,
  boolean = 9, float16 = 10, float64 = 11, uint32 = 12, uint64 = 13
};
std::string_view name_of(ElementType type);        // "float32"
std::size_t bytes_of(ElementType type);            // of one element; 0 for text

// Dimensions, outermost first. In a ValueInfo -1 stands for "any".
using Shape = std::vector<std::int64_t>;

// Elements of a shape; Code::invalid_input if a dimension is negative or there are more than `most`.
base::Result<std::size_t> elements_of(const Shape& shape, std::size_t most = std::size_t{1} << 31);

struct Constant {
  std::string name;
  ElementType type = ElementType::float32;
  Shape shape;                                     // empty: a scalar
  base::Bytes data;                                // elements, little-endian, row by row

  friend bool operator==(const Constant&, const Constant&) = default;
};

struct ValueInfo {
  std::string name;
  ElementType type = ElementType::float32;
  Shape shape;

  friend bool operator==(const ValueInfo&, const ValueInfo&) = default;
};

// A graph inside an attribute (of If, Loop, Scan), as the bytes of its message: kept, not looked into.
struct Inner {
  base::Bytes graph;

  friend bool operator==(const Inner&, const Inner&) = default;
};

struct Attribute {
  std::string name;
  std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, std::vector<float>,
               std::vector<std::string>, Constant, Inner> value;

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

struct Node {
  std::string name;                                // for people; may be empty
  std::string op;                                  // "Conv"
  std::string domain;                              // "" for ONNX itself
  std::vector<std::string> inputs, outputs;        // names of values; "" for one left out
  std::vector<Attribute> attributes;

  const Attribute* attribute(std::string_view wanted) const;
  friend bool operator==(const Node&, const Node&) = default;
};

// A set of operators beside those of ONNX itself: "com.microsoft", 1.
struct OperatorSet {
  std::string domain;
  std::int64_t version = 1;

  friend bool operator==(const OperatorSet&, const OperatorSet&) = default;
};

struct Graph {
  std::string name = "graph";                      // may not be empty
  std::int64_t opset = 13;                         // of domain ""
  std::vector<ValueInfo> inputs, outputs;          // inputs without the constants
  std::vector<Node> nodes;                         // each after those it takes values from
  std::vector<Constant> constants;
  std::vector<ValueInfo> values;                   // what is known of values between; may be empty
  std::vector<OperatorSet> other_sets;             // a domain of a node not named here has version 1

  const Constant* constant(std::string_view wanted) const;   // looks at each: for a few questions only
  friend bool operator==(const Graph&, const Graph&) = default;
};

struct ReadLimits {
  std::size_t bytes = std::size_t{512} << 20;      // of the model
  std::size_t nodes = 100'000, constants = 100'000;
  std::size_t parts = 4'000'000;                   // names, attributes, dimensions in all
};

// Constants by name, for many questions. The graph must stay as it is meanwhile.
std::unordered_map<std::string_view, const Constant*> constants_of(const Graph& graph);

base::Bytes write(const Graph& graph);
base::Result<Graph> read(base::BytesView model, const ReadLimits& limits = {});

}  // namespace selvedge::codec::onnx
