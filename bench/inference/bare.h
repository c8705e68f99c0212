// Bare: ONNX Runtime called as directly as can be, to see what everything of ours around it costs.
//
// One session set up as ours are, tensors made once over fixed memory, and then only the library's Run.
// The library, the number of threads and the settings are those of src/infer; its functions are found
// here anew, by their places in its table, so that nothing of ours is in the way.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "infer/tensor.h"

namespace bench {

class Bare {
 public:
  struct Tensor {
    std::string name;
    selvedge::infer::Shape shape;
    std::vector<float> numbers;
  };

  // `library`: the file that our own runtime opened. Inputs and outputs of float32 with fixed shapes.
  static selvedge::base::Result<std::unique_ptr<Bare>> load(const std::string& library, selvedge::base::BytesView model,
                                                            std::vector<Tensor> inputs, std::vector<Tensor> outputs);
  ~Bare();
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  selvedge::base::Result<void> run();
  const std::vector<Tensor>& outputs() const;

 private:
  struct State;
  explicit Bare(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bench
