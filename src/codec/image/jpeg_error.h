// libjpeg reports errors by a call that must not return. Here it jumps back to guarded(), over
// frames of libjpeg and of plain code only: nothing that has a destructor may live between. For this
// folder only.

#pragma once

#include <csetjmp>
#include <cstdio>
#include <string>

#include <jpeglib.h>
#include <jerror.h>

namespace selvedge::codec {

struct JpegError {
  jpeg_error_mgr manager;                          // first, so that a pointer to it is one to us
  std::jmp_buf back;
  char message[JMSG_LENGTH_MAX] = "";

  JpegError();
  void give_up [[noreturn]] (const char* why);     // like an error of libjpeg's own
};

// Whether `step` came to its end. `step` and what it captures may only be plain data and references.
template <typename Step>
bool guarded(JpegError& error, Step step) {
  if (setjmp(error.back) != 0) return false;
  step();
  return true;
}

}  // namespace selvedge::codec
