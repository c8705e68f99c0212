// Result: a value, or why there is none.
//
// Every function that can fail returns one. An Error has a Code, which says what the caller can do
// about it, and a message, which says what was being done, to what, and what stopped it. The set of
// codes is closed: an exit status and an HTTP status exist for each of them.

#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace selvedge::base {

enum class Code : std::uint8_t {
  invalid_input,  // the request itself is wrong; asking again will not help
  not_found,      // the thing named does not exist
  conflict,       // it exists already, or changed meanwhile
  denied,         // the caller may not do this
  unavailable,    // try again later
  exhausted,      // a bound was reached (disk, memory, queue); back off
  corrupt,        // stored or received bytes are damaged
  internal,       // a bug or an unexpected answer from the system
};

std::string_view name(Code code);
int exit_status(Code code);         // 1 to 9, one for each code; 0 is success, 2 is bad usage
int http_status(Code code);

struct Error {
  Code code = Code::internal;
  std::string message;

  // Puts the step that failed in front: "open store: read segment 7: no such file".
  Error while_doing(std::string_view step) &&;
};

template <typename T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected<Error>(Error{code, std::move(message)});
}

// An error from errno, with the Code that fits it: ENOENT is not_found, ENOSPC is exhausted.
Error system_error(std::string_view step, int error_number);

// Adds a step to the error of `result`, if it holds one.
template <typename T>
Result<T> while_doing(std::string_view step, Result<T> result) {
  if (result) return result;
  return std::unexpected<Error>(std::move(result).error().while_doing(step));
}

// The one way to drop a result on purpose.
template <typename T>
void ignore(const Result<T>&, std::string_view why) {
  (void)why;
}

// Prints and aborts: for bugs only, never for what came from outside.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace selvedge::base

#define SELVEDGE_CONCAT_(a, b) a##b
#define SELVEDGE_CONCAT(a, b) SELVEDGE_CONCAT_(a, b)

// The value of an expression that yields a Result, or return its error from here.
#define TRY(expression) SELVEDGE_TRY_(expression, SELVEDGE_CONCAT(try_result_, __COUNTER__))
#define SELVEDGE_TRY_(expression, result)                              \
  __extension__({                                                      \
    auto result = (expression);                                        \
    if (!result) [[unlikely]]                                          \
      return std::unexpected(std::move(result).error());               \
    std::move(result).value();                                         \
  })

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) [[unlikely]]                                              \
      ::selvedge::base::check_failed(#condition, __FILE__, __LINE__);           \
  } while (false)
