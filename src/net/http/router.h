// Router: which handler answers a method and a path.
//
// Exact paths beat prefixes ("/files/*"), longer prefixes beat shorter ones, and a named method
// beats "*" on the same path. A GET handler serves HEAD too. Filled before the server listens.

#pragma once

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/http.h"

namespace selvedge::net::http {

struct Found {
  const Handler* handler = nullptr;
  std::string allow;  // without a handler: the methods this path knows; empty if it is unknown
};

struct Socket {
  std::string subprotocol;
  Upgrade upgrade;
};

class Router {
 public:
  void add(std::string_view method, std::string_view path, Handler handler);
  void add_socket(std::string_view path, std::string_view subprotocol, Upgrade upgrade);

  Found find(std::string_view method, std::string_view path) const;
  // Null unless something takes WebSockets there.
  const std::vector<Socket>* sockets(std::string_view path) const;
  // Every method that any path knows, for "OPTIONS *".
  std::string all_methods() const;

 private:
  using Methods = std::map<std::string, Handler, std::less<>>;

  std::map<std::string, Methods, std::less<>> exact_;
  std::map<std::string, Methods, std::less<>> prefixes_;  // with the slash, without the star
  std::map<std::string, std::vector<Socket>, std::less<>> sockets_;
};

}  // namespace selvedge::net::http
