#include "model/twin.h"

#include <algorithm>

namespace selvedge::model {
namespace {

// The alphabet of crypto::is_name, and the leading underscore of "_node".
bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name[0] == '.' || name[0] == '-') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

}  // namespace

bool is_twin_id(std::string_view id) {
  const std::size_t colon = id.find(':');
  return colon != std::string_view::npos && is_name(id.substr(0, colon)) &&
         is_name(id.substr(colon + 1));
}

std::string twin_id(std::string_view node, std::string_view device) {
  std::string id;
  id.reserve(node.size() + 1 + device.size());
  id.append(node).append(1, ':').append(device);
  return id;
}

std::string_view twin_node(std::string_view id) { return id.substr(0, id.find(':')); }

std::string_view twin_device(std::string_view id) {
  const std::size_t colon = id.find(':');
  return colon == std::string_view::npos ? std::string_view() : id.substr(colon + 1);
}

}  // namespace selvedge::model
