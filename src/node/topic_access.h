// Topic access: which topics a device may use on this node's broker. Readings go anywhere, as ever; of
// what the node serves itself a device has its own: $twin/<own>/... and $command/<own>/...; what the node says of its
// cameras nobody else may say.

#pragma once

#include "engine/session/broker.h"

namespace selvedge::node {

engine::Access device_access();

}  // namespace selvedge::node
