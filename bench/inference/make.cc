#include "inference/make.h"

#include <fstream>

#include "codec/tflite/import.h"
#include "infer/model_package.h"
#include "infer/quantise.h"
#include "inference/material.h"

namespace bench {

using selvedge::base::Bytes;
using selvedge::base::Code;
using selvedge::base::fail;
using selvedge::base::Result;
namespace codec = selvedge::codec;
namespace infer = selvedge::infer;

namespace {

// Anchors and input as MediaPipe's object_detection_oid_v4 graph has them.
infer::Description description_of(const codec::onnx::Graph& graph) {
  infer::Description description;
  description.name = "ssd";
  description.task = infer::Task::detection;
  description.file = "model.onnx";
  description.labels_file = "labels.txt";
  description.input.mean = description.input.deviation = {127.5F, 127.5F, 127.5F};
  infer::DetectionRule& rule = description.detection;
  rule.boxes = graph.outputs[0].name, rule.scores = graph.outputs[1].name;
  rule.background = true;
  rule.anchors.strides = {16, 32, 64, 128, 256, 512};
  rule.anchors.min_scale = 0.2F, rule.anchors.max_scale = 0.95F;
  rule.anchors.aspect_ratios = {1, 2, 0.5F, 3, 0.3333F};
  rule.anchors.reduce_lowest = true;
  return description;
}

}  // namespace

Result<std::string> make_packages(const MakePlan& plan) {
  const Bytes file = TRY(read_file(plan.tflite));
  const auto imported = TRY(codec::tflite::import(file));
  if (imported.graph.outputs.size() != 2) return fail(Code::invalid_input, plan.tflite + ": an SSD with two outputs is expected");
  infer::ModelPackage package{.description = description_of(imported.graph), .model = codec::onnx::write(imported.graph), .members = {}};
  std::ifstream labels(plan.labels);
  for (std::string line; std::getline(labels, line);) package.description.labels.push_back(line);
  TRY(write_file(plan.folder + "/ssd-fp32.model", TRY(infer::write_package(package))));
  infer::QuantiseOptions options;
  options.calibrate = plan.calibrate, options.judge = plan.judge;
  const auto runtime = TRY(infer::Runtime::open());
  const infer::Quantised made = TRY(infer::quantise_model(*runtime, package, options));
  TRY(write_file(plan.folder + "/ssd-int8.model", made.file));
  return infer::to_json(made.report);
}

}  // namespace bench
