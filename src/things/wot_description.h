// wot_description: a twin as a W3C Web of Things Thing Description 1.1, made from its leaves.
//
// Each property of a feature is a property "<feature>/<property>", each attribute one
// "attributes/<name>". What is only reported is read-only; what has a wish beside it is written through
// desiredProperties. Live values come as server-sent events.

#pragma once

#include <string>
#include <string_view>

#include "engine/twin/twin.h"

namespace selvedge::things {

// `base` is the address under which it was asked for, "https://cloud:8443".
std::string thing_description(const engine::Twin& twin, std::string_view id, std::string_view base);

// Of the directory itself (W3C WoT Discovery), for /.well-known/wot.
std::string directory_description(std::string_view base);

}  // namespace selvedge::things
