#include "base/json.h"
#include "net/http/head_writer.h"
#include "net/http/http.h"
#include "net/http/parser.h"

namespace selvedge::net::http {

std::string_view Request::header(std::string_view lower_case_name) const {
  return find_header(headers, lower_case_name);
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::string_view Fetched::header(std::string_view lower_case_name) const {
  return find_header(headers, lower_case_name);
}

Response Response::json(std::string body, int status) {
  return {
      .status = status, .content_type = "application/json", .headers = {}, .body = std::move(body)};
}

Response Response::text(std::string body, int status) {
  return {.status = status,
          .content_type = "text/plain; charset=utf-8",
          .headers = {},
          .body = std::move(body)};
}

Response Response::problem(const base::Error& error) {
  return problem(base::http_status(error.code), base::name(error.code), error.message);
}

Response Response::problem(int status, std::string_view code, std::string_view detail) {
  base::JsonWriter json;
  json.begin_object()
      .field("type", "about:blank")
      .field("title", reason_phrase(status))
      .field("status", status)
      .field("code", code)
      .field("detail", detail)
      .end_object();
  Response response = Response::json(json.take(), status);
  response.content_type = "application/problem+json";
  return response;
}

}  // namespace selvedge::net::http
