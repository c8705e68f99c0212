#include "things/http_reply.h"

#include "base/json.h"
#include "net/http/head_writer.h"

namespace selvedge::things {

namespace {

using base::Code;

std::string_view error_name(Code code) {
  switch (code) {
    case Code::invalid_input: return "things:request.invalid";
    case Code::not_found: return "things:resource.notfound";
    case Code::conflict: return "things:thing.conflict";
    case Code::denied: return "things:thing.notallowed";
    case Code::unavailable: return "gateway:service.unavailable";
    case Code::exhausted: return "things:limit.reached";
    case Code::corrupt:
    case Code::internal: break;
  }
  return "gateway:internalerror";
}

// The nearest of our codes, for programs that speak only that.
std::string_view code_of(int status) {
  switch (status) {
    case 401:
    case 403: return name(Code::denied);
    case 404: return name(Code::not_found);
    case 408:
    case 503: return name(Code::unavailable);
    case 409:
    case 412: return name(Code::conflict);
    case 413:
    case 429: return name(Code::exhausted);
    default: return name(status >= 500 ? Code::internal : Code::invalid_input);
  }
}

}  // namespace

Reply refused(int status, std::string_view error, std::string message) {
  Reply reply;
  reply.status = status;
  reply.error = error;
  reply.message = std::move(message);
  return reply;
}

Reply refused(const base::Error& error) {
  return refused(base::http_status(error.code), error_name(error.code), error.message);
}

std::string problem_json(const Reply& reply) {
  base::JsonWriter json;
  json.begin_object()
      .field("type", "about:blank")
      .field("title", net::http::reason_phrase(reply.status))
      .field("status", reply.status)
      .field("code", code_of(reply.status))
      .field("detail", reply.message)
      .field("error", reply.error)
      .field("message", reply.message)
      .end_object();
  return json.take();
}

net::http::Response to_response(Reply reply) {
  net::http::Response response;
  response.status = reply.status;
  response.headers = std::move(reply.headers);
  if (!reply.etag.empty()) response.headers.emplace_back("ETag", std::move(reply.etag));
  if (reply.failed()) {
    response.content_type = "application/problem+json";
    response.body = problem_json(reply);
    if (reply.status == 429 || reply.status == 503) response.headers.emplace_back("Retry-After", "1");
  } else {
    response.content_type = reply.body.empty() ? std::string() : std::move(reply.content_type);
    response.body = std::move(reply.body);
  }
  return response;
}

}  // namespace selvedge::things
