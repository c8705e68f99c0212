#include "node/reconcile_kind.h"

#include <algorithm>

#include "base/json.h"

namespace selvedge::node {

std::string pointer_part(std::string_view name) {
  std::string part;
  for (const char c : name) {
    if (c == '~') part += "~0";
    else if (c == '/') part += "~1";
    else part += c;
  }
  return part;
}

std::string pointer_name(std::string_view part) {
  std::string name;
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (part[i] == '~' && i + 1 < part.size()) name += part[++i] == '1' ? '/' : '~';
    else name += part[i];
  }
  return name;
}

std::string take_part(std::string_view& pointer) {
  if (pointer.empty()) return {};
  pointer.remove_prefix(1);
  const std::size_t end = std::min(pointer.find('/'), pointer.size());
  std::string name = pointer_name(pointer.substr(0, end));
  pointer.remove_prefix(end);
  return name;
}

std::string json_text(std::string_view text) {
  base::JsonWriter json;
  json.value(text);
  return json.take();
}

void each_wished_object(const engine::Twin& twin, std::string_view feature,
                        const ReconcileKind::Item& item) {
  const std::string prefix = "/" + pointer_part(feature) + "/";
  std::vector<std::string> parts;
  twin.each([&](model::TwinPart part, std::string_view path, std::string_view, model::Stamp) {
    if (part != model::TwinPart::desired || !path.starts_with(prefix)) return;
    path.remove_prefix(prefix.size());
    std::string name(path.substr(0, path.find('/')));
    if (parts.empty() || parts.back() != name) parts.push_back(std::move(name));
  });
  for (const std::string& part : parts) {
    const auto json =
        twin.json("", "/features" + prefix.substr(0, prefix.size() - 1) + "/desiredProperties/" + part);
    if (json) item(pointer_name(part), *json);
  }
}

}  // namespace selvedge::node
