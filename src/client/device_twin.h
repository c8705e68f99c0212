// DeviceTwin: a device's own twin, through its node: what is wished of it, and what it reports.
//
// The node says what is wished when the device connects and whenever it changes; a report is kept by
// the Device until the node has it on disk. A wish stands until the device reports the same value, or
// has changed the value itself later than the wish. Belongs to the loop thread; must not outlive the
// Device, whose on_message it takes.

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "client/device.h"
#include "codec/json/value.h"

namespace selvedge::client {

class DeviceTwin {
 public:
  // `name`: the device's, as the node knows it. Before the device starts.
  DeviceTwin(Device& device, std::string name);

  // Standing wishes, newest last: {"motor": {"speed": 1200}}, by feature and property.
  void on_wish(std::function<void(std::uint64_t version, const codec::json::Value& wishes)> told);
  // The node did not take a report: why.
  void on_refused(std::function<void(std::string_view why)> told);
  // Messages that are not about the twin.
  void on_other(std::function<void(const engine::ClientEvents::Message&)> told);

  // What is so: JSON by feature and property, as above. Code::exhausted when the device's memory for
  // what is not acknowledged is full.
  base::Result<engine::PublishId> report(std::string_view state);

 private:
  void message(const engine::ClientEvents::Message& message);

  Device& device_;
  std::string prefix_;                 // "$twin/<name>"
  std::uint64_t version_ = 0;          // newest that was told
  std::function<void(std::uint64_t, const codec::json::Value&)> wish_;
  std::function<void(std::string_view)> refused_;
  std::function<void(const engine::ClientEvents::Message&)> other_;
};

}  // namespace selvedge::client
