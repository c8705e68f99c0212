#include "codec/uplink/uplink.h"

namespace selvedge::codec::uplink {
namespace {

constexpr std::string_view up = "up/", blocks = "/blocks", down = "down/", ack = "/ack";

}  // namespace

std::string blocks_topic(std::string_view node) {
  std::string topic(up);
  topic += node;
  topic += blocks;
  return topic;
}

std::string ack_topic(std::string_view node) {
  std::string topic(down);
  topic += node;
  topic += ack;
  return topic;
}

std::string identity_topic(std::string_view node) {
  std::string topic(down);
  topic += node;
  topic += "/identity";
  return topic;
}

std::string_view node_of_blocks_topic(std::string_view topic) {
  if (topic.size() <= up.size() + blocks.size() || !topic.starts_with(up) ||
      !topic.ends_with(blocks)) {
    return {};
  }
  topic.remove_prefix(up.size());
  topic.remove_suffix(blocks.size());
  return topic.find('/') == std::string_view::npos ? topic : std::string_view();
}

}  // namespace selvedge::codec::uplink
