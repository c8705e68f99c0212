// Reply: what an operation on a twin came to, before it is put into an HTTP response or a message of
// the Ditto protocol. Errors carry Ditto's {status, error, message} besides being problem details
// (RFC 9457); only the status is a contract.

#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/http/http.h"

namespace selvedge::things {

struct Reply {
  int status = 200;
  std::string body;                    // JSON, or as content_type says; "" for none
  std::string etag;                    // with its quotes; "" if there is none
  std::string error;                   // of ours: "things:thing.notfound"; a device's answer has none
  std::string message;                 // what happened
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};

  bool failed() const { return !error.empty(); }
};

Reply refused(int status, std::string_view error, std::string message);
Reply refused(const base::Error& error);
// {"status":404,"error":"..","message":".."} with what RFC 9457 asks for.
std::string problem_json(const Reply& reply);
net::http::Response to_response(Reply reply);

}  // namespace selvedge::things
