#include "node/topic_access.h"

#include "codec/twin/shadow.h"
#include "node/camera_report.h"

namespace selvedge::node {

using codec::twin::command_root;
using codec::twin::shadow_root;

namespace {

// Below "$twin" or "$command", or those themselves.
bool is_served(std::string_view topic) {
  for (const std::string_view root : {shadow_root, command_root}) {
    const std::string_view name = root.substr(0, root.size() - 1);
    if (topic == name || topic.starts_with(root)) return true;
  }
  return false;
}

bool may_publish(std::string_view device, std::string_view topic) {
  if (topic.starts_with(camera_root)) return false;
  if (!is_served(topic)) return true;
  if (const auto asked = codec::twin::parse_shadow_topic(topic)) return asked->device == device;
  const auto reply = codec::twin::parse_reply_topic(topic);
  return reply && reply->device == device;
}

bool may_subscribe(std::string_view device, std::string_view filter) {
  if (!is_served(filter)) return true;
  const std::size_t slash = filter.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view rest = filter.substr(slash + 1);
  return rest.starts_with(device) && rest.size() > device.size() && rest[device.size()] == '/';
}

}  // namespace

engine::Access device_access() { return {may_publish, may_subscribe}; }

}  // namespace selvedge::node
