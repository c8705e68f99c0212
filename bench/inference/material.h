// Material: what is measured with: model packages, a TensorFlow Lite file, pictures. Read once.

#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "infer/model_package.h"

namespace bench {

struct Picture {
  std::string name;                     // "cat_720p.jpg", or "made up, 1280x720"
  int width = 0, height = 0;
  selvedge::base::Bytes file;
};

struct Model {
  std::string name;                     // "fp32", "int8"
  selvedge::infer::ModelPackage package;
};

struct Plan {
  std::vector<std::pair<std::string, std::string>> models;   // name, path of a package
  // Paths. None: pictures of 720 and 1080 lines are made up, and kept in `folder` as made_720p.jpg, ...
  std::vector<std::string> pictures;
  std::string tflite;                   // for the import; "": not measured
  std::string folder = "/tmp";          // for caches
  int rounds = 20;                      // of each row
  int frames = 10;                      // a round
  int reloads = 120;
  bool turns = false;                   // frames on demand, instead
};

struct Material {
  Plan plan;
  std::vector<Model> models;
  std::vector<Picture> pictures;
  selvedge::base::Bytes tflite;

  const Model* model(const std::string& name) const;
};

selvedge::base::Result<Material> read_material(const Plan& plan);

selvedge::base::Result<selvedge::base::Bytes> read_file(const std::string& path);
selvedge::base::Result<void> write_file(const std::string& path, const selvedge::base::Bytes& bytes);

// Rows of a picture as a model of `side` x `side` takes them: floats from -1 to 1.
selvedge::base::Result<std::vector<float>> rows_of(const Picture& picture, int side);

}  // namespace bench
