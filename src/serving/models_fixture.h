// For tests: models that are no models. A package is a text such as "scale=3 size=100": what its model
// multiplies by, how large it is, and what goes wrong with it.
//
//   read=corrupt      it cannot be read            make=corrupt     it cannot be loaded
//   golden=cat        a golden example that wants a cat; sees=dog: what it finds in pictures
//   fails=1           every run fails

#pragma once

#include <cstring>
#include <map>
#include <sstream>

#include "base/text.h"
#include "serving/models.h"

namespace selvedge::serving::test {

using Spec = std::map<std::string, std::string>;

inline Spec spec_of(std::string_view text) {
  Spec spec;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    const std::size_t sign = std::min(word.find('='), word.size());
    spec[word.substr(0, sign)] = sign < word.size() ? word.substr(sign + 1) : "";
  }
  return spec;
}

// y = scale * x, for x of FP32 [-1, 2].
class FakeSession final : public infer::Session {
 public:
  explicit FakeSession(Spec spec) : spec_(std::move(spec)) {
    scale_ = spec_.contains("scale") ? std::stof(spec_.at("scale")) : 1;
  }
  const std::vector<infer::ValueInfo>& inputs() const override { return inputs_; }
  const std::vector<infer::ValueInfo>& outputs() const override { return outputs_; }
  base::Result<std::vector<infer::Tensor>> run(std::span<const infer::TensorView> given) const override {
    if (spec_.contains("fails")) return base::fail(base::Code::internal, "run: it fails");
    if (given.size() != 1 || given[0].type != infer::ElementType::float32 || given[0].shape.size() != 2 ||
        given[0].shape[1] != 2 || given[0].data.size() != std::size_t(given[0].shape[0]) * 8)
      return base::fail(base::Code::invalid_input, "input 'x' takes float32 [?, 2]");
    infer::Tensor out{infer::ElementType::float32, infer::Shape(given[0].shape.begin(), given[0].shape.end()),
                      base::Bytes(given[0].data.begin(), given[0].data.end())};
    for (std::size_t at = 0; at < out.data.size(); at += sizeof(float)) {
      float element = 0;
      std::memcpy(&element, out.data.data() + at, sizeof element);
      element *= scale_;
      std::memcpy(out.data.data() + at, &element, sizeof element);
    }
    return std::vector{std::move(out)};
  }

 private:
  Spec spec_;
  float scale_ = 1;
  std::vector<infer::ValueInfo> inputs_{{"x", infer::ElementType::float32, {-1, 2}}};
  std::vector<infer::ValueInfo> outputs_{{"y", infer::ElementType::float32, {-1, 2}}};
};

class FakePipeline final : public infer::Pipeline {
 public:
  FakePipeline(infer::Description description, Spec spec)
      : description_(std::move(description)), spec_(spec), session_(std::move(spec)) {}

  const infer::Description& description() const override { return description_; }
  const infer::Session& session() const override { return session_; }
  base::Result<infer::Answer> run(base::BytesView file, const infer::RunOptions& options) const override {
    if (spec_.contains("fails")) return base::fail(base::Code::internal, "run: it fails");
    if (base::as_text(file).find("broken") != std::string_view::npos)
      return base::fail(base::Code::invalid_input, "decode picture: it is broken");
    infer::Answer answer;
    answer.width = 640;
    answer.height = 480;
    answer.timings = {1'000, 2'000, 3'000, 4'000};
    const std::string sees = spec_.contains("sees") ? spec_.at("sees") : "cat";
    const float score = 0.75F;
    if (score < options.threshold.value_or(0)) return answer;
    if (description_.task == infer::Task::classification) answer.ranked.push_back({1, sees, score});
    else if (description_.task == infer::Task::segmentation) answer.mask = infer::Mask{2, 1, {0, 1}};
    else answer.detections.push_back({1, sees, score, {0.25F, 0.25F, 0.5F, 0.75F}});
    return answer;
  }
  base::Result<infer::Answer> run(const codec::Image&, const infer::RunOptions& options) const override {
    return run(base::BytesView{}, options);
  }

 private:
  infer::Description description_;
  Spec spec_;
  FakeSession session_;
};

inline ModelLoader fake_loader() {
  ModelLoader loader;
  loader.read = [](base::BytesView bytes) -> base::Result<infer::ModelPackage> {
    const Spec spec = spec_of(base::as_text(bytes));
    if (spec.contains("read")) return base::fail(base::Code::corrupt, "the package is torn");
    infer::ModelPackage package;
    package.description.name = "fake";
    package.description.task = infer::Task::detection;
    if (spec.contains("task"))
      package.description.task = spec.at("task") == "tensors"          ? infer::Task::tensors
                                 : spec.at("task") == "classification" ? infer::Task::classification
                                                                       : infer::Task::segmentation;
    package.description.labels = {"background", "cat", "dog"};
    package.model = base::to_bytes(base::as_text(bytes));
    package.model.resize(std::max<std::size_t>(bytes.size(), spec.contains("size") ? std::stoul(spec.at("size")) : 0), ' ');
    if (spec.contains("golden")) {
      package.members["golden.png"] = base::to_bytes("picture");
      package.description.golden.push_back({"golden.png", {{spec.at("golden"), 0.75F, {0.25F, 0.25F, 0.5F, 0.75F}}}});
    }
    return package;
  };
  loader.make = [](const infer::ModelPackage& package,
                   const infer::SessionOptions&) -> base::Result<std::shared_ptr<const infer::Pipeline>> {
    const Spec spec = spec_of(base::as_text(package.model));
    if (spec.contains("make"))
      return base::fail(spec.at("make") == "unavailable" ? base::Code::unavailable : base::Code::corrupt,
                        spec.at("make") == "unavailable" ? "there is no model runtime" : "it is no model");
    return std::make_shared<FakePipeline>(package.description, spec);
  };
  return loader;
}

inline LoadRequest fake_model(std::string name, std::uint64_t version, std::string spec) {
  return {.key = {std::move(name), version},
          .package = [spec = std::move(spec)]() -> base::Result<base::Bytes> { return base::to_bytes(spec); }};
}

// As much of a picture as the protocol looks at.
inline std::string fake_picture(std::string_view rest = "") {
  return std::string("\x89PNG\r\n\x1a\n", 8) + std::string(rest);
}

}  // namespace selvedge::serving::test
