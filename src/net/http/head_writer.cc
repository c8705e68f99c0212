#include "net/http/head_writer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "net/http/parser.h"

namespace selvedge::net::http {

namespace {

constexpr std::array<std::pair<int, std::string_view>, 37> phrases{{
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
}};

void add_header(std::string& out, std::string_view name, std::string_view value) {
  const std::size_t at = out.size();
  out += name;
  out += ": ";
  out += value;
  for (std::size_t i = at; i < out.size(); ++i) {
    const auto c = static_cast<unsigned char>(out[i]);
    if ((c < 0x20 && c != '\t') || c == 0x7F) out[i] = ' ';
  }
  out += "\r\n";
}

bool has(const Headers& headers, std::string_view lower_case_name) {
  return std::any_of(headers.begin(), headers.end(), [&](const auto& header) {
    return has_token(header.first, lower_case_name);  // one token: compares without case
  });
}

}  // namespace

std::string_view reason_phrase(int status) {
  const auto at = std::lower_bound(phrases.begin(), phrases.end(), status,
                                   [](const auto& entry, int s) { return entry.first < s; });
  return at != phrases.end() && at->first == status ? at->second : "Status";
}

std::string http_date(std::int64_t unix_seconds) {
  constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  using namespace std::chrono;
  const sys_seconds at{seconds(unix_seconds)};
  const sys_days midnight = floor<std::chrono::days>(at);
  const year_month_day date(midnight);
  const hh_mm_ss clock(at - midnight);
  const auto two = [](auto n) {
    const auto v = static_cast<unsigned>(n);
    return std::string{static_cast<char>('0' + v / 10), static_cast<char>('0' + v % 10)};
  };
  return std::string(days[weekday(midnight).c_encoding()]) + ", " +
         two(static_cast<unsigned>(date.day())) + " " +
         months[static_cast<unsigned>(date.month()) - 1] + " " +
         std::to_string(static_cast<int>(date.year())) + " " + two(clock.hours().count()) + ":" +
         two(clock.minutes().count()) + ":" + two(clock.seconds().count()) + " GMT";
}

std::string HeadWriter::response(const Response& response, After after, Body body,
                                 base::Time now) {
  const std::int64_t second = now.ns / 1'000'000'000;
  if (second != second_) {
    second_ = second;
    date_ = http_date(second);
  }
  std::string out;
  out.reserve(256);
  out += "HTTP/1.1 ";
  out += std::to_string(response.status);
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\nServer: selvedge\r\nDate: ";
  out += date_;
  out += "\r\n";
  const bool bodiless = response.status < 200 || response.status == 204 || response.status == 304;
  if (!bodiless) {
    if (!response.content_type.empty()) add_header(out, "Content-Type", response.content_type);
    if (body == Body::chunked) {
      out += "Transfer-Encoding: chunked\r\n";
    } else if (body != Body::until_close) {
      out += "Content-Length: ";
      out += std::to_string(body == Body::whole ? response.body.size() : response.length.value_or(0));
      out += "\r\n";
    }
  }
  for (const auto& [name, value] : response.headers) add_header(out, name, value);
  if (after == After::close && !has(response.headers, "connection")) out += "Connection: close\r\n";
  if (after == After::keep_1_0) out += "Connection: keep-alive\r\n";
  out += "\r\n";
  return out;
}

std::string request_head(const Fetch& fetch, const Url& url) {
  const bool default_port = url.port == (url.scheme == "https" ? 443 : 80);
  const bool v6 = url.host.contains(':');
  std::string out;
  out.reserve(160 + url.target.size());
  out += fetch.method;
  out += ' ';
  out += url.target;
  out += " HTTP/1.1\r\nHost: ";
  out += v6 ? "[" + url.host + "]" : url.host;
  if (!default_port) out += ":" + std::to_string(url.port);
  out += "\r\n";
  if (!has(fetch.headers, "user-agent")) out += "User-Agent: selvedge\r\n";
  if (!has(fetch.headers, "accept")) out += "Accept: */*\r\n";
  for (const auto& [name, value] : fetch.headers) add_header(out, name, value);
  const bool takes_body =
      fetch.method == "POST" || fetch.method == "PUT" || fetch.method == "PATCH";
  if (takes_body || !fetch.body.empty()) {
    out += "Content-Length: " + std::to_string(fetch.body.size()) + "\r\n";
  }
  out += "\r\n";
  return out;
}

}  // namespace selvedge::net::http
