// PictureSheet: pictures with what was found in them, one file for all: each reduced to a cell of a grid,
// with its name under it. A single picture stays as large as it is.
//
// Memory is bounded by the sheet: a picture is reduced before what was found is drawn onto it, so that
// lines and letters stay sharp, and is not kept. One thread.

#pragma once

#include <string>
#include <vector>

#include "codec/image/image.h"
#include "infer/answer.h"

namespace selvedge::cli {

// Draws what was found.
void draw_answer(codec::Image& image, const infer::Answer& answer);

// The whole picture within width x height, in its own proportions, each pixel the mean of those it
// stands for. A picture that is smaller stays as it is.
codec::Image reduced(const codec::Image& image, int width, int height);

class PictureSheet {
 public:
  explicit PictureSheet(std::size_t pictures);

  void add(const std::string& name, const codec::Image& image, const infer::Answer& answer);
  // What was added, without a pixel if nothing was; the sheet is done with.
  codec::Image take();

 private:
  std::size_t pictures_, added_ = 0;
  int columns_ = 1, cell_ = 0, cell_height_ = 0;   // pixels of a cell, without the name under it
  codec::Image sheet_;
};

// By the ending of `path`: .png, .jpg or .jpeg. Code::invalid_input for another.
base::Result<base::Bytes> encode_for(const std::string& path, const codec::Image& image);

}  // namespace selvedge::cli
