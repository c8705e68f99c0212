// How a command that acts as a device reaches its node: the flags, and what they come to.

#pragma once

#include <vector>

#include "cli/command.h"
#include "client/device.h"

namespace selvedge::cli {

// --to, --username, --password, --ca, --cert, --key, --mqtt-3, in front of `more`.
std::vector<Flag> device_link_flags(std::vector<Flag> more);

// Without a client id.
base::Result<client::DeviceOptions> device_options(const Arguments& arguments, os::World& world);

}  // namespace selvedge::cli
