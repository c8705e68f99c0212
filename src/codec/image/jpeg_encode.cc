#include <algorithm>
#include <cstdlib>

#include "codec/image/formats.h"
#include "codec/image/jpeg_error.h"

namespace selvedge::codec {
namespace {

// What jpeg_mem_dest allocates, freed on every way out.
struct Compressor {
  JpegError error;
  jpeg_compress_struct info{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;

  ~Compressor() {
    jpeg_destroy_compress(&info);                  // does nothing to one that was never created
    std::free(bytes);
  }
};

void write(Compressor& to, const Image& image, int quality) {
  jpeg_create_compress(&to.info);
  jpeg_mem_dest(&to.info, &to.bytes, &to.size);
  to.info.image_width = static_cast<JDIMENSION>(image.width);
  to.info.image_height = static_cast<JDIMENSION>(image.height);
  to.info.input_components = 3;
  to.info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&to.info);
  jpeg_set_quality(&to.info, quality, TRUE);
  jpeg_start_compress(&to.info, TRUE);
  while (to.info.next_scanline < to.info.image_height) {
    // libjpeg does not write through the pointer, though it does not say so.
    JSAMPROW row = const_cast<JSAMPROW>(image.row(static_cast<int>(to.info.next_scanline)));
    jpeg_write_scanlines(&to.info, &row, 1);
  }
  jpeg_finish_compress(&to.info);
}

}  // namespace

base::Result<base::Bytes> encode_jpeg(const Image& image, int quality) {
  TRY(check_pixels(image));
  Compressor compressor;
  compressor.info.err = &compressor.error.manager;
  const int clamped = std::clamp(quality, 1, 100);
  if (!guarded(compressor.error, [&] { write(compressor, image, clamped); }))
    return base::fail(base::Code::invalid_input, std::string("encode JPEG: ") + compressor.error.message);
  return base::Bytes(compressor.bytes, compressor.bytes + compressor.size);
}

}  // namespace selvedge::codec
