// OpencvNet: the same graph in OpenCV's DNN module, one thread.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/onnx/graph.h"

namespace bench {

// The graph as OpenCV 4.6 reads it: bounds of Clip are attributes there, as up to operator set 10.
selvedge::base::Result<selvedge::codec::onnx::Graph> for_opencv(const selvedge::codec::onnx::Graph& graph);

class OpencvNet {
 public:
  // Code::unavailable if OpenCV refuses the graph. `rows`: the input, height x width x 3.
  static selvedge::base::Result<std::unique_ptr<OpencvNet>> load(const selvedge::codec::onnx::Graph& graph,
                                                                 const std::vector<float>& rows, int side);
  ~OpencvNet();
  OpencvNet(const OpencvNet&) = delete;
  OpencvNet& operator=(const OpencvNet&) = delete;

  selvedge::base::Result<void> run();
  std::vector<float> output(std::size_t index) const;     // in the graph's order
  static std::string version();

 private:
  struct State;
  explicit OpencvNet(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bench
