// ApiClient: one HTTP request to a node or the cloud, waited for.

#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cli/command.h"
#include "codec/json/value.h"
#include "net/http/http.h"

namespace selvedge::cli {

// Which end the flags --cloud, --identity and --node speak of.
class ApiClient {
 public:
  // The cloud: needs --cloud, and an operator's certificate in --identity or a token.
  static base::Result<ApiClient> cloud(const Arguments& arguments, Session& session);
  // A node's own interface.
  static base::Result<ApiClient> node(const Arguments& arguments, Session& session);
  // Whichever is named; the node if --node is given.
  static base::Result<ApiClient> either(const Arguments& arguments, Session& session);

  // `target` begins with '/'. An answer of 400 or more is an Error with the problem's detail.
  // `headers` are beside ours; a content-type among them takes the place of JSON.
  using Headers = std::vector<std::pair<std::string, std::string>>;
  base::Result<std::string> request(std::string method, std::string target, std::string body = {},
                                    Headers headers = {});
  // The answer as it came, whatever its status.
  base::Result<net::http::Fetched> exchange(std::string method, std::string target,
                                            std::string body = {}, Headers headers = {});
  base::Result<codec::json::Value> get(std::string target);
  base::Result<codec::json::Value> post(std::string target, std::string body);

  // Takes an answer that has no end, piece by piece, until it ends, `enough` says so, or SIGINT or
  // SIGTERM arrives. Code::unavailable: the connection did not come about or was lost.
  enum class Followed : std::uint8_t { ended, enough, stopped };
  base::Result<Followed> follow(std::string target, Headers headers,
                                const std::function<base::Result<void>(base::BytesView)>& piece,
                                const std::function<bool()>& enough);
  // Waits, unless a signal arrives (then `stopped`, else `ended`).
  Followed rest(base::Duration time);

  bool is_cloud() const { return cloud_; }

 private:
  ApiClient(Session& session, std::string url, std::shared_ptr<os::Tls> tls, bool cloud);

  Session* session_;
  std::string url_;
  std::shared_ptr<os::Tls> tls_;
  bool cloud_;
  std::string token_;                // of an operator; "": a certificate is shown
};

// Flags of commands that speak to the cloud, to a node, or to either.
std::vector<Flag> cloud_flags(std::vector<Flag> more = {});
std::vector<Flag> node_flags(std::vector<Flag> more = {});
std::vector<Flag> either_flags(std::vector<Flag> more = {});

// What an answer of 400 or more says.
base::Error problem_of(int status, std::string_view body);

// Percent-encodes a query value.
std::string encode_query(std::string_view text);

// Runs the world's loop until `start`'s callback is called.
template <typename T, typename Start>
T wait_for(os::RealWorld& world, Start start) {
  std::optional<T> outcome;
  start([&](T value) {
    outcome.emplace(std::move(value));
    world.stop();
  });
  while (!outcome) world.run({});
  return std::move(*outcome);
}

}  // namespace selvedge::cli
