#include <selvedge/block.h>
#include <selvedge/inference.hpp>

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

// look_in_cxx PACKAGE: a blue picture is blue, also as numbers. 77: there is no model runtime here.
int main(int count, char** words) {
  using selvedge::inference::Model;
  const auto model = Model::load_file(count > 1 ? words[1] : "");
  if (!model) {
    std::cerr << model.error().message << "\n";
    return model.error().status == SELVEDGE_INFERENCE_UNAVAILABLE ? 77 : 1;
  }
  std::vector<std::uint8_t> blue(48 * 40 * 3);
  for (std::size_t i = 2; i < blue.size(); i += 3) blue[i] = 255;
  const auto answer = model->look_rgb(blue.data(), 48, 40);
  if (!answer || std::string(answer->classes().at(0).name) != "blue") return 1;
  const std::vector<std::int64_t> shape{1, 3, 32, 32};
  std::vector<float> numbers(3 * 32 * 32);
  const auto scores = model->compute({{nullptr, SELVEDGE_ELEMENT_FLOAT32, shape.data(), shape.size(), numbers.data(), numbers.size() * sizeof(float)}});
  if (!scores || scores->size() != 1 || (*scores)[0].bytes != 12) return 1;
  return selvedge_block_api_version() > 0 && !model->look(std::string("no picture")) ? 0 : 1;
}
