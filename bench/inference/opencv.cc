#include "inference/opencv.h"

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>

namespace bench {

using selvedge::base::Code;
using selvedge::base::fail;
using selvedge::base::Result;
namespace onnx = selvedge::codec::onnx;

struct OpencvNet::State {
  cv::dnn::Net net;
  cv::Mat input;
  std::vector<cv::String> names;
  std::vector<cv::Mat> outputs;
};

OpencvNet::OpencvNet(std::unique_ptr<State> state) : state_(std::move(state)) {}
OpencvNet::~OpencvNet() = default;

std::string OpencvNet::version() { return CV_VERSION; }

Result<std::unique_ptr<OpencvNet>> OpencvNet::load(const onnx::Graph& graph, const std::vector<float>& rows, int side) {
  const auto bytes = onnx::write(TRY(for_opencv(graph)));
  auto state = std::make_unique<State>();
  try {
    // What it refuses comes back as an exception, and is said once.
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    cv::setNumThreads(1);
    state->net = cv::dnn::readNetFromONNX(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    state->net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    state->net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
    const int shape[] = {1, side, side, 3};
    state->input.create(4, shape, CV_32F);
    std::copy(rows.begin(), rows.end(), state->input.ptr<float>());
  } catch (const cv::Exception& error) {
    return fail(Code::unavailable, "OpenCV refuses the graph: " + error.err);
  }
  for (const auto& output : graph.outputs) state->names.push_back(output.name);
  return std::unique_ptr<OpencvNet>(new OpencvNet(std::move(state)));
}

Result<void> OpencvNet::run() {
  try {
    state_->net.setInput(state_->input);
    state_->outputs.clear();
    state_->net.forward(state_->outputs, state_->names);
  } catch (const cv::Exception& error) {
    return fail(Code::unavailable, "OpenCV cannot run the graph: " + error.err);
  }
  return {};
}

std::vector<float> OpencvNet::output(std::size_t index) const {
  const cv::Mat flat = state_->outputs.at(index).reshape(1, 1);
  return {flat.ptr<float>(), flat.ptr<float>() + flat.total()};
}

}  // namespace bench
