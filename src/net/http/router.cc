#include "net/http/router.h"

#include <set>

namespace selvedge::net::http {

namespace {

using Names = std::set<std::string, std::less<>>;

std::string joined(Names names) {
  if (names.contains("GET")) names.insert("HEAD");
  names.insert("OPTIONS");
  std::string out;
  for (const std::string& name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

}  // namespace

void Router::add(std::string_view method, std::string_view path, Handler handler) {
  const bool prefix = path.ends_with("/*");
  auto& table = prefix ? prefixes_ : exact_;
  if (prefix) path.remove_suffix(1);
  table[std::string(path)].insert_or_assign(std::string(method), std::move(handler));
}

void Router::add_socket(std::string_view path, std::string_view subprotocol, Upgrade upgrade) {
  sockets_[std::string(path)].push_back({std::string(subprotocol), std::move(upgrade)});
}

Found Router::find(std::string_view method, std::string_view path) const {
  Names known;
  // The handler of one path's methods; remembers the names of those it passes over.
  const auto pick = [&](const Methods& methods) -> const Handler* {
    auto at = methods.find(method);
    if (at == methods.end() && method == "HEAD") at = methods.find("GET");
    if (at == methods.end()) at = methods.find("*");
    if (at != methods.end()) return &at->second;
    for (const auto& entry : methods) known.insert(entry.first);
    return nullptr;
  };
  if (const auto at = exact_.find(path); at != exact_.end()) {
    if (const Handler* handler = pick(at->second)) return {handler, {}};
  }
  // Every prefix that ends in a slash of the path, the longest first.
  for (std::size_t end = path.rfind('/'); end != std::string_view::npos && !prefixes_.empty();
       end = end == 0 ? std::string_view::npos : path.rfind('/', end - 1)) {
    const auto at = prefixes_.find(path.substr(0, end + 1));
    if (at == prefixes_.end()) continue;
    if (const Handler* handler = pick(at->second)) return {handler, {}};
  }
  if (known.empty()) return {};
  return {nullptr, joined(std::move(known))};
}

const std::vector<Socket>* Router::sockets(std::string_view path) const {
  const auto at = sockets_.find(path);
  return at == sockets_.end() ? nullptr : &at->second;
}

std::string Router::all_methods() const {
  Names names;
  for (const auto* table : {&exact_, &prefixes_}) {
    for (const auto& [path, methods] : *table) {
      for (const auto& entry : methods) {
        if (entry.first != "*") names.insert(entry.first);
      }
    }
  }
  return joined(std::move(names));
}

}  // namespace selvedge::net::http
