// The public SSD of scripts/fetch as a package, for tests and benchmarks.

#pragma once

#include <sstream>

#include "codec/tflite/import.h"
#include "infer/model_package.h"
#include "infer/models_fixture.h"

namespace selvedge::infer {

// As its publisher's own pipeline has it (google/mediapipe, object_detection_oid_v4_cpu.pbtxt).
inline constexpr const char* ssd_description = R"(name = "ssd"
task = "detection"
model = "model.tflite"
labels = "labels.txt"

[input]
mean = 127.5
deviation = 127.5

[detection]
background = true

[detection.anchors]
strides = [16, 32, 64, 128, 256, 512]
min_scale = 0.2
max_scale = 0.95
aspect_ratios = [1, 2, 0.5, 3, 0.3333]
reduce_lowest = true
)";

// Not through read_package(): packing so much takes seconds.
inline base::Result<ModelPackage> ssd_package() {
  ModelPackage package;
  package.description = TRY(read_description(ssd_description));
  const base::Bytes model = TRY(test_model("ssd_mobilenetv2_oidv4_fp16.tflite"));
  const base::Bytes labels = TRY(test_model("oidv4_labels.txt"));
  std::istringstream lines{std::string(base::as_text(labels))};
  for (std::string line; std::getline(lines, line);) package.description.labels.push_back(line);
  package.model = codec::onnx::write(TRY(codec::tflite::import(model)).graph);
  return package;
}

}  // namespace selvedge::infer
