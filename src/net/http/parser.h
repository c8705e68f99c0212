// Parser: one HTTP/1.x message out of bytes, in our own types.
//
// The grammar is Boost.Beast's basic_parser, kept in parser.cc so that nothing else pays for its
// headers. A Parser serves one message: bytes in, then head, body and end. It keeps no input:
// what put() did not use must be offered again with more behind it.

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace selvedge::net::http {

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// The value of the first header of that name; "" if absent.
std::string_view find_header(const Headers& headers, std::string_view lower_case_name);
// True if a comma-separated header value has `token` in it, whatever its case.
bool has_token(std::string_view list, std::string_view lower_case_token);

struct Message {
  std::string method, target;  // of a request
  int status = 0;              // of a response
  Headers headers;
  std::string body;
};

class Parser {
 public:
  enum class Side : std::uint8_t { request, response };
  enum class Body : std::uint8_t { as_announced, none };  // none: the answer to a HEAD
  enum class State : std::uint8_t { nothing, head, body, done, failed };
  enum class Failure : std::uint8_t {
    none,
    malformed,
    unknown_version,
    unknown_coding,  // a Transfer-Encoding other than chunked
    head_too_large,
    body_too_large,
  };
  struct Limits {
    std::uint32_t head_bytes;
    std::uint64_t body_bytes;
  };

  Parser(Side side, Limits limits, Body body = Body::as_announced);
  ~Parser();
  Parser(Parser&&) noexcept;
  Parser& operator=(Parser&&) noexcept;

  // Takes bytes from the front of `in` and returns how many. Stops behind the head and behind the
  // message; zero while the state stays the same means that more is needed.
  std::size_t put(base::BytesView in);
  // The peer will send no more: ends a body without a length. False if that cuts the message.
  bool end_of_input();

  State state() const;
  Failure failure() const;
  std::string reason() const;  // what is malformed, in words

  Message& message();
  // From the end of the head on.
  bool keep_alive() const;
  bool http_1_0() const;
  std::optional<std::uint64_t> content_length() const;

  class Machine;  // Beast's parser, for parser.cc

 private:
  std::unique_ptr<Machine> machine_;
};

}  // namespace selvedge::net::http
