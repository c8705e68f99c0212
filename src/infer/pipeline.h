// Pipeline: a model with all that belongs around it: picture in, detections (or classes, or a mask)
// out: decode, resize, normalise, run, decode boxes, suppress doubles, name labels.
//
// Made of a package (model_package.h). run() may be called by several threads at once; each has its
// buffers from a small pool, so a frame allocates little after warm-up.

#pragma once

#include <memory>
#include <optional>

#include "codec/image/image.h"
#include "infer/answer.h"
#include "infer/model_package.h"
#include "infer/runtime.h"

namespace selvedge::infer {

struct RunOptions {
  Region region;                                   // boxes of the answer are of the whole picture
  std::optional<float> threshold;                  // instead of the description's
};

class Pipeline {
 public:
  // Loads the model, checks that the description fits it, and runs it once on grey to warm up.
  static base::Result<std::shared_ptr<Pipeline>> make(Runtime& runtime, const ModelPackage& package,
                                                      const SessionOptions& options = {});
  virtual ~Pipeline() = default;

  virtual const Description& description() const = 0;
  virtual const Session& session() const = 0;

  // A file as it came (JPEG, PNG, BMP).
  virtual base::Result<Answer> run(base::BytesView file, const RunOptions& options = {}) const = 0;
  virtual base::Result<Answer> run(const codec::Image& image, const RunOptions& options = {}) const = 0;
};

// Runs the package's golden examples; Code::conflict with what differed if one does not come out.
base::Result<void> check_golden(const Pipeline& pipeline, const ModelPackage& package);

}  // namespace selvedge::infer
