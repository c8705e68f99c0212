// YUYV: what many USB cameras give: two pixels in four bytes, brightness of each and colour of both
// (V4L2_PIX_FMT_YUYV; ITU-R BT.601, brightness 16 to 235).

#pragma once

#include "codec/image/image.h"

namespace selvedge::codec {

// `stride`: bytes from row to row; 0: rows follow each other directly. Code::invalid_input for a width that
// is odd, Code::exhausted for a size beyond the limits, Code::corrupt if there are too few bytes.
base::Result<void> from_yuyv(base::BytesView bytes, int width, int height, std::size_t stride, const ImageLimits& limits,
                             Image& into);

}  // namespace selvedge::codec
