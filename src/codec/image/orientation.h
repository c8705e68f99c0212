// Orientation: how a camera was held, as it says in the EXIF part of a JPEG, and turning a picture
// by it (EXIF 2.3, tag 0x0112; TIFF 6.0).

#pragma once

#include "codec/image/image.h"

namespace selvedge::codec {

// 1 to 8 as EXIF counts them; 1, upright, where the file does not say or cannot be understood: a
// picture does not become useless by a damaged note.
int orientation_of_jpeg(base::BytesView file);

// Width and height change places.
inline bool is_transposed(int orientation) { return orientation >= 5; }

// `image` as it looks upright.
Image upright(Image image, int orientation);

}  // namespace selvedge::codec
