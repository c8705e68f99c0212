// Prepare: a picture, or a region of one, as the numbers a model takes: resized, normalised, in the
// model's layout and type, in one pass.
//
// A Preparer holds the tables and lines of the last size it saw, so that a stream of pictures of one
// size allocates nothing. One thread at a time; give each its own.

#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "codec/image/image.h"
#include "engine/vision/filter.h"
#include "engine/vision/found.h"
#include "engine/vision/resample.h"
#include "engine/vision/rules.h"

namespace selvedge::engine {

// What the model's input consists of. Whole numbers stand for (number - zero_point) * scale.
struct Element {
  enum class Kind : std::uint8_t { float32, uint8, int8 } kind = Kind::float32;
  float scale = 1;
  int zero_point = 0;
};

class Preparer {
 public:
  // `rule` must say width and height. Code::invalid_input for a rule that cannot be followed.
  static base::Result<Preparer> make(const InputRule& rule, const Element& element = {});

  Preparer(Preparer&&) = default;
  Preparer& operator=(Preparer&&) = default;

  // Of the tensor, for one picture.
  std::size_t bytes() const;
  int channels() const { return rule_.colour == InputRule::Colour::grey ? 1 : 3; }

  // Writes bytes() to `tensor`, aligned as its elements are. What a letterbox leaves free is the
  // mean, that is 0. Says which part of the picture the model sees (placement.h).
  base::Result<Region> run(const codec::Image& image, const Region& region, std::span<std::uint8_t> tensor);

  // Only for tests and benchmarks that compare the versions of the inner loops.
  void use_plain_loops() { plain_ = true; }

 private:
  Preparer(const InputRule& rule, const Element& element) : rule_(rule), element_(element) {}
  void plan(const codec::Image& image, const Region& region);
  void set_scaling();
  void write_line(int y, std::span<std::uint8_t> tensor);

  InputRule rule_;
  Element element_;
  bool plain_ = false;
  int width_ = 0, height_ = 0;                     // of the picture that the tables are for
  Region region_{0, 0, 0, 0}, seen_;
  int left_ = 0, top_ = 0, right_ = 0, bottom_ = 0;   // what of the tensor is picture
  Filter columns_, rows_;
  Scaling scaling_{};
  std::vector<std::int16_t> line_;
  std::vector<float> values_;                      // a line of the tensor, before it is whole numbers or interleaved
};

}  // namespace selvedge::engine
