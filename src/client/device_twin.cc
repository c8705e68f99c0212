#include "client/device_twin.h"

#include <utility>

namespace selvedge::client {

namespace {

constexpr std::size_t most_document_bytes = 256 << 10;

}  // namespace

DeviceTwin::DeviceTwin(Device& device, std::string name)
    : device_(device), prefix_("$twin/" + std::move(name)) {
  device_.on_message([this](const engine::ClientEvents::Message& m) { message(m); });
  device_.subscribe(prefix_ + "/update/delta", 1);
  device_.subscribe(prefix_ + "/update/rejected", 1);
}

void DeviceTwin::on_wish(std::function<void(std::uint64_t, const codec::json::Value&)> told) {
  wish_ = std::move(told);
}

void DeviceTwin::on_refused(std::function<void(std::string_view)> told) { refused_ = std::move(told); }

void DeviceTwin::on_other(std::function<void(const engine::ClientEvents::Message&)> told) {
  other_ = std::move(told);
}

base::Result<engine::PublishId> DeviceTwin::report(std::string_view state) {
  const std::string payload = R"({"state":{"reported":)" + std::string(state) + "}}";
  return device_.publish(prefix_ + "/update", base::as_bytes(payload), 1);
}

void DeviceTwin::message(const engine::ClientEvents::Message& m) {
  const std::string_view topic = m.topic;
  if (!topic.starts_with(prefix_ + "/update/")) {
    if (other_) other_(m);
    return;
  }
  const auto document = codec::json::parse(base::as_text(m.payload), most_document_bytes);
  if (!document) return;               // our node sends JSON; anything else is not for us
  if (topic.ends_with("/rejected")) {
    if (refused_) refused_((*document)["message"].text("refused"));
    return;
  }
  // A wish that was overtaken on its way, or comes again, is not news.
  const auto version = static_cast<std::uint64_t>((*document)["version"].integer());
  if (version < version_) return;
  version_ = version;
  if (wish_) wish_(version, (*document)["state"]);
}

}  // namespace selvedge::client
