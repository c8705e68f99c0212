#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace selvedge::base {

std::string_view name(Code code) {
  switch (code) {
    case Code::invalid_input: return "invalid_input";
    case Code::not_found: return "not_found";
    case Code::conflict: return "conflict";
    case Code::denied: return "denied";
    case Code::unavailable: return "unavailable";
    case Code::exhausted: return "exhausted";
    case Code::corrupt: return "corrupt";
    case Code::internal: return "internal";
  }
  return "internal";
}

int exit_status(Code code) {
  switch (code) {
    case Code::invalid_input: return 2;
    case Code::not_found: return 3;
    case Code::conflict: return 4;
    case Code::denied: return 5;
    case Code::unavailable: return 6;
    case Code::exhausted: return 7;
    case Code::corrupt: return 8;
    case Code::internal: return 9;
  }
  return 9;
}

int http_status(Code code) {
  switch (code) {
    case Code::invalid_input: return 400;
    case Code::not_found: return 404;
    case Code::conflict: return 409;
    case Code::denied: return 403;
    case Code::unavailable: return 503;
    case Code::exhausted: return 429;
    case Code::corrupt: return 500;
    case Code::internal: return 500;
  }
  return 500;
}

Error Error::while_doing(std::string_view step) && {
  std::string text(step);
  text += ": ";
  text += message;
  return Error{code, std::move(text)};
}

Error system_error(std::string_view step, int error_number) {
  Code code = Code::internal;
  switch (error_number) {
    case ENOENT: code = Code::not_found; break;
    case EEXIST: code = Code::conflict; break;
    case EACCES:
    case EPERM:
    case EROFS: code = Code::denied; break;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM: code = Code::exhausted; break;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRINUSE:
    case EADDRNOTAVAIL: code = Code::unavailable; break;
    case EINVAL:
    case ENAMETOOLONG: code = Code::invalid_input; break;
    default: break;
  }
  std::string text(step);
  text += ": ";
  text += std::strerror(error_number);
  return Error{code, std::move(text)};
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "selvedge: bug: %s is false at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace selvedge::base
