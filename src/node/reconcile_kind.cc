#include "node/reconcile_kind.h"

#include <algorithm>

#include "base/json.h"
#include "base/json_pointer.h"

namespace selvedge::node {

std::string take_part(std::string_view& pointer) {
  if (pointer.empty()) return {};
  pointer.remove_prefix(1);
  const std::size_t end = std::min(pointer.find('/'), pointer.size());
  std::string name = base::pointer_name(pointer.substr(0, end));
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
  const std::string prefix = "/" + base::pointer_token(feature) + "/";
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
    if (json) item(base::pointer_name(part), *json);
  }
}

}  // namespace selvedge::node
