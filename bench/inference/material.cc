#include "inference/material.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "codec/image/image.h"

namespace bench {

using selvedge::base::Bytes;
using selvedge::base::Code;
using selvedge::base::fail;
using selvedge::base::Result;
using selvedge::base::while_doing;
namespace codec = selvedge::codec;
namespace infer = selvedge::infer;

namespace {

// Patches, edges and a little noise, so that decoding costs about what a photograph of that size costs.
Result<Picture> made_up(int width, int height) {
  codec::Image image{.width = width, .height = height, .pixels = std::vector<std::uint8_t>(std::size_t(width) * std::size_t(height) * 3)};
  std::uint32_t noise = 12345;
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      noise = noise * 1664525 + 1013904223;
      const int patch = ((x / 160) * 37 + (y / 90) * 61) % 200;
      for (int c = 0; c < 3; ++c)
        image.row(y)[x * 3 + c] = static_cast<std::uint8_t>(std::clamp(patch + c * 20 + (x + y) / 64 + static_cast<int>(noise >> 29), 0, 255));
    }
  return Picture{"made up, " + std::to_string(width) + "x" + std::to_string(height), width, height,
                 TRY(codec::encode_jpeg(image, 85))};
}

}  // namespace

Result<Bytes> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::not_found, "read " + path + ": it is not there");
  return Bytes{std::istreambuf_iterator<char>(in), {}};
}

Result<void> write_file(const std::string& path, const Bytes& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) return fail(Code::unavailable, "write " + path);
  return {};
}

const Model* Material::model(const std::string& name) const {
  const auto at = std::ranges::find(models, name, &Model::name);
  return at == models.end() ? nullptr : &*at;
}

Result<Material> read_material(const Plan& plan) {
  Material material{.plan = plan, .models = {}, .pictures = {}, .tflite = {}};
  for (const auto& [name, path] : plan.models) {
    const Bytes file = TRY(read_file(path));
    material.models.push_back({name, TRY(while_doing(path, infer::read_package(file)))});
  }
  for (const std::string& path : plan.pictures) {
    Bytes file = TRY(read_file(path));
    const codec::Decoded decoded = TRY(while_doing(path, codec::decode(file)));
    material.pictures.push_back({std::filesystem::path(path).filename(), decoded.file_width, decoded.file_height, std::move(file)});
  }
  if (material.pictures.empty()) {
    material.pictures.push_back(TRY(made_up(1280, 720)));
    material.pictures.push_back(TRY(made_up(1920, 1080)));
    for (const Picture& picture : material.pictures)
      TRY(write_file(plan.folder + "/made_" + std::to_string(picture.height) + "p.jpg", picture.file));
  }
  if (!plan.tflite.empty()) material.tflite = TRY(read_file(plan.tflite));
  return material;
}

Result<std::vector<float>> rows_of(const Picture& picture, int side) {
  const codec::Decoded decoded = TRY(codec::decode(picture.file));
  std::vector<float> rows;
  rows.reserve(std::size_t(side) * std::size_t(side) * 3);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x) {
      const std::uint8_t* const pixel =
          decoded.image.row(y * decoded.image.height / side) + (x * decoded.image.width / side) * 3;
      for (int c = 0; c < 3; ++c) rows.push_back(static_cast<float>(pixel[c]) * (2.0F / 255) - 1);
    }
  return rows;
}

}  // namespace bench
