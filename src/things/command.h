// Command: a live request to a device and its answer: never stored, never queued for a device that is
// not there, answered exactly once.
//
// node::Commands and cloud::TwinLink give a SendCommand each; HTTP calls it.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"
#include "model/twin.h"

namespace selvedge::things {

struct Command {
  model::TwinId id;                    // "<node>:<device>"
  std::string feature;                 // empty: to the device itself
  std::string subject;                 // a level of an MQTT topic (codec::twin::is_subject)
  std::string content_type;
  base::Bytes payload;
  base::Duration deadline = std::chrono::seconds(10);   // for the answer; at most command_longest
};

inline constexpr base::Duration command_longest = std::chrono::minutes(5);

// The device's answer, or what came instead: 400 (no such subject, too long), 404 (the device or its
// node is not connected, or the device does not listen), 408 (no answer in time), 413 (payload too
// large), 429 (too many on the way). Then `payload` says why, as text.
struct CommandAnswer {
  int status = 200;
  std::string content_type;
  base::Bytes payload;
  bool from_device = false;            // false: it never answered
};

using CommandDone = std::function<void(CommandAnswer)>;
// `done` is called exactly once, perhaps at once.
using SendCommand = std::function<void(Command command, CommandDone done)>;

// An answer that does not come from the device.
CommandAnswer refusal(int status, std::string_view why);
// What is wrong with the command itself, if anything is.
std::optional<CommandAnswer> refusal_of(const Command& command);

}  // namespace selvedge::things
