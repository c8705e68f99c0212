// Samples: the files of a folder as what a model takes, for calibration and judging.
//
// For a model that sees pictures: JPEG, PNG and BMP files, each in up to four views (whole, mirrored,
// and two parts), prepared as the pipeline does. For others: .npy files (NumPy) or plain little-endian
// numbers (.bin, .f32), one a sample; a model with several inputs takes a folder a sample, with a file
// for each input, named as it is. Files that cannot be used are left out and said why; pictures that
// show the same, or nothing, too.
//
// Files are read when asked for. load() may be called by several threads.

#pragma once

#include <string>
#include <vector>

#include "infer/answer.h"
#include "infer/picture_plan.h"

namespace selvedge::infer {

struct SampleRules {
  int views = 1;
  std::size_t most = 500;                          // files
};

struct Sample {
  std::vector<Tensor> inputs;
  Region seen, within;                             // of a picture: see engine::Preparer
  std::vector<TensorView> views() const;
};

class Samples {
 public:
  // `plan` for a model that sees pictures; it and `inputs` must stay. Code::not_found without the folder.
  static base::Result<Samples> open(const std::string& folder, const PicturePlan* plan,
                                    const std::vector<ValueInfo>& inputs, const SampleRules& rules);

  std::size_t files() const { return entries_.size(); }
  std::size_t size() const { return entries_.size() * std::size_t(views_); }
  base::Result<Sample> load(std::size_t index) const;
  const std::vector<std::string>& left_out() const { return left_out_; }

  // Every second file goes to the one that is given back. Pictures that are much alike stay together.
  Samples split();

 private:
  struct Entry {
    std::string path;
    std::vector<float> look;                       // of a picture: small and grey, to tell it from others
    std::size_t content = 0;                       // of numbers: a hash
  };
  Samples(const PicturePlan* plan, const std::vector<ValueInfo>& inputs) : plan_(plan), inputs_(&inputs) {}
  base::Result<Entry> look_at(const std::string& path) const;
  base::Result<Sample> picture(const Entry& entry, int view) const;
  base::Result<Sample> tensors(const Entry& entry) const;

  const PicturePlan* plan_;
  const std::vector<ValueInfo>* inputs_;
  int views_ = 1;
  std::vector<Entry> entries_;
  std::vector<std::string> left_out_;
};

}  // namespace selvedge::infer
