// JPEG by libjpeg-turbo. Measured on photographs, 720p to 1080p: entropy decoding is more than half of
// the time, so the accurate inverse DCT costs nearly nothing over the fast one, and reduced scales save
// a fifth to a quarter. (codec_image_bench prints the figures.)

#include <algorithm>
#include <span>

#include "codec/image/formats.h"
#include "codec/image/jpeg_error.h"
#include "codec/image/orientation.h"

namespace selvedge::codec {

using base::Code;
using base::fail;

namespace {

constexpr int most_scans = 64;                     // of a progressive picture; each costs a pass over it
// One bit is the least that a block of 64 pixels takes, in any mode that is accepted.
constexpr std::uint64_t pixels_a_byte = 512;

// Bytes in memory. Past their end comes an end marker, so that a missing one does no harm; a scan
// that is not whole by then is found out by the decoder.
struct Source {
  jpeg_source_mgr manager;                         // first, as in JpegError
  bool ended = false;                              // bytes were asked for that are not there
};

constexpr JOCTET end_marker[] = {0xFF, JPEG_EOI};

boolean more(j_decompress_ptr info) {
  reinterpret_cast<Source*>(info->src)->ended = true;
  info->src->next_input_byte = end_marker;
  info->src->bytes_in_buffer = sizeof end_marker;
  return TRUE;
}

void skip(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  const std::size_t there = info->src->bytes_in_buffer;
  const std::size_t skipped = std::min(there, static_cast<std::size_t>(count));
  info->src->next_input_byte += skipped;
  info->src->bytes_in_buffer -= skipped;
  if (static_cast<std::size_t>(count) > there) more(info);
}

void nothing(j_decompress_ptr) {}

void count_scans(j_common_ptr info) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  if (decompress->input_scan_number > most_scans)
    reinterpret_cast<JpegError*>(info->err)->give_up("it has too many scans");
}

class Decompressor {
 public:
  explicit Decompressor(base::BytesView file) {
    info_.err = &error_.manager;
    created_ = guarded(error_, [this] { jpeg_create_decompress(&info_); });
    if (!created_) return;
    source_.manager = {file.data(), file.size(), nothing, more, skip, jpeg_resync_to_restart, nothing};
    info_.src = &source_.manager;
    progress_.progress_monitor = count_scans;
    info_.progress = &progress_;
  }
  ~Decompressor() {
    if (created_) jpeg_destroy_decompress(&info_);
  }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  base::Result<void> read_header(const ImageLimits& limits, std::uint64_t bytes_hold) {
    if (!created_ || !guarded(error_, [this] { jpeg_read_header(&info_, TRUE); })) return damage();
    TRY(check_size(info_.image_width, info_.image_height, limits, bytes_hold));
    if (info_.arith_code) return fail(Code::invalid_input, "arithmetic coding is not taken");
    // Coefficients of all scans are kept: two bytes each, of at most four components; and its tables.
    info_.mem->max_memory_to_use = static_cast<long>(limits.pixels * 8 + (std::size_t{32} << 20));
    return {};
  }

  int width() const { return static_cast<int>(info_.image_width); }
  int height() const { return static_cast<int>(info_.image_height); }
  bool has_ink() const { return info_.jpeg_color_space == JCS_CMYK || info_.jpeg_color_space == JCS_YCCK; }
  bool inverted() const { return info_.saw_Adobe_marker; }

  base::Result<void> start(unsigned divisor) {
    info_.scale_num = 1;
    info_.scale_denom = divisor;
    info_.out_color_space = has_ink() ? JCS_CMYK : JCS_RGB;
    info_.dct_method = JDCT_ISLOW;
    info_.do_fancy_upsampling = TRUE;
    if (!guarded(error_, [this] { jpeg_start_decompress(&info_); })) return damage();
    // What a progressive picture lacks at its end are details everywhere.
    if (source_.ended && info_.progressive_mode) return fail(Code::corrupt, "it ends before its last scan");
    // A colour that has its own scan gets its table there; libjpeg makes one without any the middle of its range.
    for (const jpeg_component_info& colour : std::span(info_.comp_info, static_cast<std::size_t>(info_.num_components)))
      if (colour.quant_table == nullptr) return fail(Code::corrupt, "it lacks the scan of a colour");
    return {};
  }

  int out_width() const { return static_cast<int>(info_.output_width); }
  int out_height() const { return static_cast<int>(info_.output_height); }

  // Every row, `stride` bytes apart and several at a time; or all through the one line at `to`, which `each_row`
  // takes on.
  template <typename EachRow>
  base::Result<void> read(std::uint8_t* to, std::size_t stride, EachRow each_row) {
    const bool whole = guarded(error_, [&] {
      while (info_.output_scanline < info_.output_height) {
        JSAMPROW rows[8];
        const JDIMENSION first = info_.output_scanline;
        JDIMENSION count = 0;
        for (; count < 8 && first + count < info_.output_height; ++count)
          rows[count] = to + (each_row.in_place() ? stride * (first + count) : 0);
        if (!each_row.in_place()) count = 1;
        if (jpeg_read_scanlines(&info_, rows, count) == 0) error_.give_up("no rows are left");
        each_row(first);
      }
    });
    if (!whole) return damage();
    return {};
  }

 private:
  base::Result<void> damage() const {
    return fail(error_.manager.msg_code == JERR_NO_BACKING_STORE ? Code::exhausted : Code::corrupt,
                error_.message);
  }

  JpegError error_;
  Source source_{};
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct info_{};
  bool created_ = false;
};

struct InPlace {
  bool in_place() const { return true; }
  void operator()(JDIMENSION) const {}
};

// One row of cyan, magenta, yellow, black at a time; Adobe's programs write them inverted.
struct FromInk {
  const std::uint8_t* line;
  Image* image;
  bool inverted;

  bool in_place() const { return false; }
  void operator()(JDIMENSION y) const {
    const unsigned flip = inverted ? 0 : 255;
    std::uint8_t* to = image->row(static_cast<int>(y));
    for (int x = 0; x < image->width; ++x) {
      const std::uint8_t* ink = line + std::size_t(x) * 4;
      const unsigned light = ink[3] ^ flip;
      for (int c = 0; c < 3; ++c) *to++ = static_cast<std::uint8_t>(((ink[c] ^ flip) * light + 127) / 255);
    }
  }
};

// The greatest of 8, 4, 2, 1 by which the picture can be divided and is still large enough.
unsigned divisor_for(int width, int height, int least_width, int least_height) {
  if (least_width <= 0 && least_height <= 0) return 1;
  for (const int divisor : {8, 4, 2})
    if ((width + divisor - 1) / divisor >= least_width && (height + divisor - 1) / divisor >= least_height)
      return static_cast<unsigned>(divisor);
  return 1;
}

}  // namespace

base::Result<void> decode_jpeg(base::BytesView file, const DecodeOptions& options, Decoded& into) {
  const int orientation = orientation_of_jpeg(file);
  const bool transposed = is_transposed(orientation);
  Decompressor decompressor(file);
  TRY(decompressor.read_header(options.limits, file.size() * pixels_a_byte));
  const int width = decompressor.width(), height = decompressor.height();
  into.file_width = transposed ? height : width;
  into.file_height = transposed ? width : height;
  TRY(decompressor.start(divisor_for(into.file_width, into.file_height, options.least_width, options.least_height)));

  Image& image = into.image;
  shape(image, decompressor.out_width(), decompressor.out_height());
  if (decompressor.has_ink()) {
    std::vector<std::uint8_t> line(std::size_t(image.width) * 4);
    TRY(decompressor.read(line.data(), 0, FromInk{line.data(), &image, decompressor.inverted()}));
  } else {
    TRY(decompressor.read(image.pixels.data(), std::size_t(image.width) * 3, InPlace{}));
  }
  if (orientation != 1) image = upright(std::move(image), orientation);
  return {};
}

}  // namespace selvedge::codec
