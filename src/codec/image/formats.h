// The decoders behind decode(), one for each format, and what they share. For this folder only.

#pragma once

#include <string>

#include "codec/image/image.h"

namespace selvedge::codec {

// Holds a picture's size against the limits. `bytes_hold` is the most pixels that a file of this
// length can describe, so that a short file cannot ask for much memory.
base::Result<void> check_size(std::uint64_t width, std::uint64_t height, const ImageLimits& limits,
                              std::uint64_t bytes_hold);

// Makes `image` this large; its memory is kept where it suffices.
void shape(Image& image, int width, int height);

// Before encoding: there are pixels, and as many as width and height say.
base::Result<void> check_pixels(const Image& image);

base::Result<void> decode_jpeg(base::BytesView file, const DecodeOptions& options, Decoded& into);
base::Result<void> decode_png(base::BytesView file, const DecodeOptions& options, Decoded& into);
base::Result<void> decode_bmp(base::BytesView file, const DecodeOptions& options, Decoded& into);

}  // namespace selvedge::codec
