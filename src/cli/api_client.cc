#include "cli/api_client.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <cstdlib>

#include "base/text.h"
#include "identity/identity.h"
#include "os/file_at.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

const Flag cloud_flag{"cloud", "URL", "The cloud, as https://host:8443.", {}, "SELVEDGE_CLOUD"};
const Flag identity_flag{"identity", "DIR",
                         "Where operator.crt, operator.key and ca.crt are.",
                         "/var/lib/selvedge/cloud/identity", "SELVEDGE_IDENTITY"};
const Flag token_flag{"token-file", "FILE",
                      "An operator's token, instead of a certificate; SELVEDGE_TOKEN may hold one "
                      "too. --identity then needs ca.crt only."};
const Flag node_flag{"node", "URL", "The node's own interface.", "http://127.0.0.1:8080",
                     "SELVEDGE_NODE"};

Result<std::string> read_text(os::Dir& dir, std::string_view name) {
  const base::Bytes bytes = TRY(os::read_file(dir, name, 64 << 10));
  return std::string(base::as_text(bytes));
}

Code code_of_status(int status) {
  switch (status) {
    case 400: case 405: case 413: case 415: case 422: return Code::invalid_input;
    case 401: case 403: return Code::denied;
    case 404: return Code::not_found;
    case 409: case 412: return Code::conflict;
    case 429: case 507: return Code::exhausted;
    case 408: case 502: case 503: case 504: return Code::unavailable;
    default: return Code::internal;
  }
}

// From --token-file, else SELVEDGE_TOKEN if that holds an operator's (a node joins with another kind).
Result<std::string> operator_token(const Arguments& arguments, os::World& world) {
  constexpr std::string_view prefix = "slv_";
  if (!arguments.has("token-file")) {
    const char* const held = std::getenv("SELVEDGE_TOKEN");
    return held != nullptr && std::string_view(held).starts_with(prefix) ? held : "";
  }
  std::string token = TRY(os::read_text(world, arguments.text("token-file"), 64 << 10));
  while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back())) != 0) token.pop_back();
  if (!token.starts_with(prefix) || token.find_first_of(" \r\n") != std::string::npos)
    return fail(Code::invalid_input, "not an operator's token (slv_...)");
  return token;
}

std::vector<Flag> with(std::vector<Flag> first, std::vector<Flag> more) {
  more.insert(more.end(), first.begin(), first.end());
  return more;
}

}  // namespace

std::vector<Flag> cloud_flags(std::vector<Flag> more) {
  return with({cloud_flag, identity_flag, token_flag}, std::move(more));
}
std::vector<Flag> node_flags(std::vector<Flag> more) { return with({node_flag}, std::move(more)); }
std::vector<Flag> either_flags(std::vector<Flag> more) {
  return with({cloud_flag, identity_flag, token_flag, node_flag}, std::move(more));
}

ApiClient::ApiClient(Session& session, std::string url, std::shared_ptr<os::Tls> tls, bool cloud)
    : session_(&session), url_(std::move(url)), tls_(std::move(tls)), cloud_(cloud) {
  while (url_.ends_with('/')) url_.pop_back();
}

Result<ApiClient> ApiClient::cloud(const Arguments& arguments, Session& session) {
  const std::string url = arguments.text("cloud", "https://localhost:8443");
  const std::string where = arguments.text("identity", identity_flag.otherwise);
  auto dir = session.world.directory(where, false);
  if (!dir) return std::unexpected(std::move(dir).error().while_doing("operator's identity"));
  os::TlsConfig tls;
  const std::string token = TRY(base::while_doing("--token-file", operator_token(arguments, session.world)));
  if (token.empty()) {
    tls.certificate = TRY(base::while_doing("operator's identity", read_text(**dir, "operator.crt")));
    tls.key = TRY(base::while_doing("operator's identity", read_text(**dir, "operator.key")));
  }
  tls.trusted = TRY(base::while_doing("operator's identity", read_text(**dir, "ca.crt")));
  tls.tls13_only = true;
  tls.admit = identity::admit_cloud;
  ApiClient client(session, url, TRY(session.world.network().client_tls(tls)), true);
  client.token_ = token;
  return client;
}

Result<ApiClient> ApiClient::node(const Arguments& arguments, Session& session) {
  return ApiClient(session, arguments.text("node", node_flag.otherwise), nullptr, false);
}

Result<ApiClient> ApiClient::either(const Arguments& arguments, Session& session) {
  if (arguments.has("node") || !arguments.has("cloud")) return node(arguments, session);
  return cloud(arguments, session);
}

base::Error problem_of(int status, std::string_view body) {
  const auto problem = codec::json::parse(body);
  std::string detail = problem ? (*problem)["detail"].text((*problem)["title"].text()) : "";
  if (detail.empty()) detail = "answered " + std::to_string(status);
  return {code_of_status(status), std::move(detail)};
}

Result<net::http::Fetched> ApiClient::exchange(std::string method, std::string target,
                                               std::string body, Headers headers) {
  net::http::ClientLimits limits;
  limits.body_bytes = 1ULL << 30;   // an export is as long as it is
  limits.timeout = std::chrono::minutes(2);
  net::http::Client client(session_->world, limits, tls_);
  net::http::Fetch fetch;
  fetch.method = std::move(method);
  fetch.url = url_ + target;
  fetch.headers = {{"accept", "application/json, text/csv, */*"}};
  const bool typed = std::ranges::any_of(
      headers, [](const auto& header) { return header.first == "content-type"; });
  if (!body.empty() && !typed) fetch.headers.emplace_back("content-type", "application/json");
  fetch.headers.insert(fetch.headers.end(), headers.begin(), headers.end());
  if (!token_.empty()) fetch.headers.emplace_back("authorization", "Bearer " + token_);
  fetch.body = std::move(body);
  auto fetched = wait_for<Result<net::http::Fetched>>(
      session_->world, [&](auto done) { client.fetch(fetch, done); });
  return base::while_doing(url_, std::move(fetched));
}

Result<std::string> ApiClient::request(std::string method, std::string target, std::string body,
                                       Headers headers) {
  auto fetched = TRY(exchange(std::move(method), std::move(target), std::move(body), std::move(headers)));
  if (fetched.status >= 400) return std::unexpected(problem_of(fetched.status, fetched.body));
  return std::move(fetched.body);
}

Result<ApiClient::Followed> ApiClient::follow(
    std::string target, Headers headers,
    const std::function<Result<void>(base::BytesView)>& piece, const std::function<bool()>& enough) {
  net::http::ClientLimits limits;
  limits.timeout = std::chrono::minutes(1);   // heartbeats come more often
  std::optional<Result<Followed>> outcome;
  int status = 0;
  std::string problem;
  // Last, so that it ends first: it tells of a fetch that it cuts.
  net::http::Client client(session_->world, limits, tls_);
  net::http::Fetch fetch;
  fetch.url = url_ + target;
  fetch.headers = std::move(headers);
  if (!token_.empty()) fetch.headers.emplace_back("authorization", "Bearer " + token_);
  fetch.on_head = [&](const net::http::Fetched& head) { status = head.status; };
  fetch.on_body = [&](base::BytesView bytes) {
    if (status >= 400) {
      if (problem.size() < 64 << 10) problem += base::as_text(bytes);
      return;
    }
    const auto taken = piece(bytes);
    if (!taken) outcome = std::unexpected(taken.error());
    else if (enough()) outcome = Followed::enough;
    if (outcome) session_->world.stop();
  };
  client.fetch(std::move(fetch), [&](Result<net::http::Fetched> fetched) {
    if (outcome) return;
    if (status >= 400) outcome = std::unexpected(problem_of(status, problem));
    else if (!fetched) outcome = std::unexpected(std::move(fetched).error().while_doing(url_));
    else outcome = Followed::ended;
    session_->world.stop();
  });
  constexpr std::array<int, 2> signals{SIGINT, SIGTERM};
  while (!outcome)
    if (session_->world.run(signals) != 0) return Followed::stopped;
  return std::move(*outcome);
}

ApiClient::Followed ApiClient::rest(base::Duration time) {
  bool over = false;
  session_->world.loop().after(time, [&] {
    over = true;
    session_->world.stop();
  });
  constexpr std::array<int, 2> signals{SIGINT, SIGTERM};
  while (!over)
    if (session_->world.run(signals) != 0) return Followed::stopped;
  return Followed::ended;
}

Result<codec::json::Value> ApiClient::get(std::string target) {
  return codec::json::parse(TRY(request("GET", std::move(target))));
}

Result<codec::json::Value> ApiClient::post(std::string target, std::string body) {
  return codec::json::parse(TRY(request("POST", std::move(target), std::move(body))));
}

std::string encode_query(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~' || c == '/') {
      out += c;
    } else {
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

}  // namespace selvedge::cli
