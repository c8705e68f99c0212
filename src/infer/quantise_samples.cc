#include "infer/quantise_samples.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "codec/image/image.h"
#include "engine/vision/placement.h"
#include "infer/npy.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;

namespace fs = std::filesystem;

namespace {

constexpr std::uintmax_t most_bytes = std::uintmax_t{256} << 20;   // of a file
constexpr std::size_t most_listed = 100'000;
constexpr int look_side = 8;
// Mean difference of grey values below which pictures show the same, and spread of those that show
// nothing; of 255.
constexpr float alike = 4, blank = 2;

struct PictureView {
  bool mirrored = false;
  Region region;
};

const std::array<PictureView, 4> picture_views{{{false, {}},
                                                {true, {}},
                                                {false, {0, 0, 0.75F, 0.75F}},
                                                {true, {0.25F, 0.25F, 1, 1}}}};

Result<base::Bytes> read_file(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) return fail(Code::invalid_input, "cannot be read: " + error.message());
  if (size > most_bytes) return fail(Code::exhausted, "is larger than " + base::size_text(most_bytes));
  std::ifstream in(path, std::ios::binary);
  base::Bytes data(static_cast<std::size_t>(size));
  if (!in.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(data.size())))
    return fail(Code::invalid_input, "cannot be read");
  return data;
}

void mirror(codec::Image& image) {
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* row = image.row(y);
    for (int left = 0, right = image.width - 1; left < right; ++left, --right)
      std::swap_ranges(row + 3 * left, row + 3 * left + 3, row + 3 * right);
  }
}

std::vector<float> look_of(const codec::Image& image) {
  std::vector<float> sums(look_side * look_side), counts(sums.size());
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* row = image.row(y);
    for (int x = 0; x < image.width; ++x) {
      const auto at = std::size_t(y * look_side / image.height * look_side + x * look_side / image.width);
      sums[at] += static_cast<float>(row[3 * x] + row[3 * x + 1] + row[3 * x + 2]) / 3;
      ++counts[at];
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= std::max(counts[i], 1.0F);
  return sums;
}

float difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size() || a.empty()) return HUGE_VALF;
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<float>(a.size());
}

std::string ending(const fs::path& path) {
  std::string text = path.extension().string();
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return text;
}

Result<std::vector<std::string>> list(const std::string& folder, bool pictures, bool folders) {
  std::error_code error;
  fs::directory_iterator at(folder, error);
  if (error) return fail(Code::not_found, "list " + folder + ": " + error.message());
  std::vector<std::string> paths;
  for (; at != fs::directory_iterator(); at.increment(error)) {
    if (error || paths.size() == most_listed) break;
    const std::string kind = ending(at->path());
    std::error_code none;
    const bool picture = kind == ".jpg" || kind == ".jpeg" || kind == ".png" || kind == ".bmp";
    const bool numbers = kind == ".npy" || kind == ".bin" || kind == ".f32";
    if (folders ? at->is_directory(none) : pictures ? picture : numbers) paths.push_back(at->path().string());
  }
  std::ranges::sort(paths);
  return paths;
}

Result<Tensor> read_numbers(const std::string& path, const ValueInfo& input) {
  Tensor tensor{input.type, input.shape, TRY(read_file(path))};
  if (ending(path) == ".npy") {
    tensor = TRY(read_npy(tensor.data));
    if (tensor.type != input.type)
      return fail(Code::invalid_input, "holds " + std::string(name_of(tensor.type)) + ", the model takes " +
                                           std::string(name_of(input.type)));
    return tensor;
  }
  // Where the model takes any size, one, and the last such takes the rest.
  const std::size_t each = std::max<std::size_t>(1, codec::onnx::bytes_of(input.type));
  std::size_t known = each;
  std::optional<std::size_t> open;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (tensor.shape[i] >= 0) known *= std::size_t(tensor.shape[i]);
    else tensor.shape[i] = 1, open = i;
  }
  if (known == 0 || tensor.data.size() % known != 0 || (!open && tensor.data.size() != known))
    return fail(Code::invalid_input, "has " + std::to_string(tensor.data.size()) + " bytes, the model takes " + std::to_string(known));
  if (open) tensor.shape[*open] = std::int64_t(tensor.data.size() / known);
  return tensor;
}

}  // namespace

std::vector<TensorView> Sample::views() const {
  std::vector<TensorView> all;
  for (const Tensor& tensor : inputs) all.push_back(tensor.view());
  return all;
}

Result<Samples> Samples::open(const std::string& folder, const PicturePlan* plan,
                              const std::vector<ValueInfo>& inputs, const SampleRules& rules) {
  Samples samples(plan, inputs);
  samples.views_ = plan == nullptr ? 1 : std::clamp(rules.views, 1, int(picture_views.size()));
  const auto paths = TRY(list(folder, plan != nullptr, plan == nullptr && inputs.size() > 1));
  for (const std::string& path : paths) {
    const std::string name = fs::path(path).filename().string();
    if (samples.entries_.size() == rules.most) {
      samples.left_out_.push_back("files from " + name + " on: " + std::to_string(rules.most) + " are enough");
      break;
    }
    auto entry = samples.look_at(path);
    if (entry) samples.entries_.push_back(std::move(*entry));
    else samples.left_out_.push_back(name + ": " + entry.error().message);
  }
  return samples;
}

Result<Samples::Entry> Samples::look_at(const std::string& path) const {
  Entry entry{path, {}, 0};
  if (plan_ == nullptr) {
    const Sample sample = TRY(tensors(entry));
    for (const Tensor& tensor : sample.inputs)
      entry.content = entry.content * 31 + std::hash<std::string_view>{}(base::as_text(tensor.data));
    for (const Entry& other : entries_)
      if (other.content == entry.content) return fail(Code::invalid_input, "is the same as " + fs::path(other.path).filename().string());
    return entry;
  }
  const base::Bytes file = TRY(read_file(path));
  const auto decoded = TRY(codec::decode(file, {.limits = {}, .least_width = 64, .least_height = 64}));
  entry.look = look_of(decoded.image);
  const auto [least, greatest] = std::ranges::minmax(entry.look);
  if (greatest - least < blank) return fail(Code::invalid_input, "shows nothing: all of it has one colour");
  for (const Entry& other : entries_)
    if (difference(other.look, entry.look) < 0.01F)
      return fail(Code::invalid_input, "is the same as " + fs::path(other.path).filename().string());
  return entry;
}

Result<Sample> Samples::load(std::size_t index) const {
  const Entry& entry = entries_[index / std::size_t(views_)];
  auto sample = plan_ == nullptr ? tensors(entry) : picture(entry, int(index % std::size_t(views_)));
  return base::while_doing(entry.path, std::move(sample));
}

Result<Sample> Samples::picture(const Entry& entry, int view) const {
  const PictureView& wanted = picture_views[std::size_t(view)];
  const base::Bytes file = TRY(read_file(entry.path));
  auto decoded = TRY(codec::decode(file, {.limits = {}, .least_width = plan_->rule.width * 4 / 3, .least_height = plan_->rule.height * 4 / 3}));
  if (wanted.mirrored) mirror(decoded.image);
  Sample sample;
  sample.within = TRY(engine::region_within(wanted.region, decoded.image.width, decoded.image.height));
  auto preparer = TRY(engine::Preparer::make(plan_->rule, plan_->element));
  Tensor tensor{plan_->type, plan_->shape, base::Bytes(preparer.bytes())};
  sample.seen = TRY(preparer.run(decoded.image, sample.within, tensor.data));
  sample.inputs.push_back(std::move(tensor));
  return sample;
}

Result<Sample> Samples::tensors(const Entry& entry) const {
  Sample sample;
  if (inputs_->size() == 1) {
    sample.inputs.push_back(TRY(read_numbers(entry.path, inputs_->front())));
    return sample;
  }
  const auto files = TRY(list(entry.path, false, false));
  for (const ValueInfo& input : *inputs_) {
    const auto found = std::ranges::find_if(files, [&](const std::string& file) { return fs::path(file).stem() == input.name; });
    if (found == files.end()) return fail(Code::invalid_input, "has no file for input '" + base::printable(input.name) + "'");
    sample.inputs.push_back(TRY(base::while_doing(fs::path(*found).filename().string(), read_numbers(*found, input))));
  }
  return sample;
}

Samples Samples::split() {
  Samples other(plan_, *inputs_);
  other.views_ = views_;
  std::vector<Entry> mine;
  std::size_t turn = 0;
  std::vector<bool> placed(entries_.size());
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (placed[i]) continue;
    std::vector<Entry>& to = turn++ % 2 == 0 ? mine : other.entries_;
    for (std::size_t j = i; j < entries_.size(); ++j) {
      if (placed[j] || (j != i && (plan_ == nullptr || difference(entries_[i].look, entries_[j].look) >= alike))) continue;
      to.push_back(entries_[j]);
      placed[j] = true;
    }
  }
  entries_ = std::move(mine);
  return other;
}

}  // namespace selvedge::infer
