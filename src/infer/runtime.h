// Runtime: the model runtime (ONNX Runtime) opened when it is needed, and sessions that run models.
//
// The library is looked for and opened at run time, so that a program without models carries none of
// it and starts without it. What is missing or too old is an error that says where was looked.
//
// A Session is one loaded model. run() may be called by several threads at once; each call uses one
// thread, and none spins. Nothing of the library appears in a header.

#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "infer/tensor.h"

namespace selvedge::infer {

class Session;

struct SessionOptions {
  int threads = 1;                                 // inside one run; more is rarely faster
  // Where the optimised form is kept for the next load (a folder); "": nowhere. Never used for models
  // whose bytes are secret.
  std::string cache = {};
  bool optimise = true;                            // false: the graph as it is (to look inside)
};

class Runtime {
 public:
  // `path`: the library, or "" to look for it: $SELVEDGE_ONNXRUNTIME, beside the program
  // (../lib/selvedge), the system's libraries, ~/.cache/selvedge/onnxruntime. The same library is
  // opened once a process. Code::unavailable when there is none.
  static base::Result<std::shared_ptr<Runtime>> open(const std::string& path = {});
  virtual ~Runtime() = default;

  virtual std::string version() const = 0;         // "1.28.2"
  virtual std::string path() const = 0;

  // Reads, checks and optimises a model in ONNX bytes; 50 to 300 ms. The bytes are not needed after.
  // Code::invalid_input when it is no model or has an operator that the library does not know.
  virtual base::Result<std::unique_ptr<Session>> load(base::BytesView model,
                                                      const SessionOptions& options = {}) = 0;
};

class Session {
 public:
  virtual ~Session() = default;
  virtual const std::vector<ValueInfo>& inputs() const = 0;
  virtual const std::vector<ValueInfo>& outputs() const = 0;

  // Inputs in the model's order, checked against inputs(). All outputs, in the model's order.
  virtual base::Result<std::vector<Tensor>> run(std::span<const TensorView> inputs) const = 0;
};

}  // namespace selvedge::infer
