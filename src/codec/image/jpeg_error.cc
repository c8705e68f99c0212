#include "codec/image/jpeg_error.h"

namespace selvedge::codec {
namespace {

JpegError& error_of(j_common_ptr info) { return *reinterpret_cast<JpegError*>(info->err); }

[[noreturn]] void jump_back(j_common_ptr info) {
  JpegError& error = error_of(info);
  (*info->err->format_message)(info, error.message);
  std::longjmp(error.back, 1);
}

// Warnings that mean wrong pixels. libjpeg would fill them in and go on.
bool costs_pixels(int code) {
  switch (code) {
    case JWRN_HIT_MARKER:                          // a scan ends early
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:                         // a restart marker is missing or wrong
    case JWRN_NOT_SEQUENTIAL:
      return true;
    default:
      return false;
  }
}

void on_message(j_common_ptr info, int level) {
  if (level < 0 && costs_pixels(info->err->msg_code)) jump_back(info);
}

void print_nothing(j_common_ptr) {}

}  // namespace

JpegError::JpegError() {
  jpeg_std_error(&manager);
  manager.error_exit = jump_back;
  manager.emit_message = on_message;
  manager.output_message = print_nothing;
}

void JpegError::give_up(const char* why) {
  std::snprintf(message, sizeof message, "%s", why);
  std::longjmp(back, 1);
}

}  // namespace selvedge::codec
