// HeadWriter: response heads and request heads as text.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"
#include "net/http/http.h"

namespace selvedge::net::http {

std::string_view reason_phrase(int status);
// "Wed, 25 Nov 2026 18:07:05 GMT" (RFC 9110, 5.6.7).
std::string http_date(std::int64_t unix_seconds);

// Writes the heads of one server's responses; remembers the date for the second it lasts.
class HeadWriter {
 public:
  enum class After : std::uint8_t { keep, keep_1_0, close };
  // How the end of the body is told: its length as it lies in memory or as it was announced, chunks,
  // or the end of the connection.
  enum class Body : std::uint8_t { whole, announced, chunked, until_close };

  // The whole head. Control characters in headers become spaces, so that none can add a line.
  std::string response(const Response& response, After after, Body body, base::Time now);

 private:
  std::int64_t second_ = -1;
  std::string date_;
};

// The whole head of a request for `url`, whose parts have been checked.
std::string request_head(const Fetch& fetch, const Url& url);

}  // namespace selvedge::net::http
