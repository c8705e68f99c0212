// MovementGate: whether something moved in the part of a camera's picture that counts, and where: the picture is
// decoded as small as will do, and held against those before. For a pool thread; one job at a time.

#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "engine/vision/motion.h"

namespace selvedge::camera {

struct MovementGate {
  MovementGate(const engine::MotionRule& rule, const engine::Region& region);

  // Of the whole picture, where to look: `region`, or with `crop` the part of it in which it moved. Nothing: it stands
  // still. Code::invalid_input, exhausted, corrupt: it cannot be decoded.
  enum class Crop : std::uint8_t { none, to_motion };
  base::Result<std::optional<engine::Region>> step(base::BytesView file, base::Instant now, Crop crop);

  engine::MotionGate gate;
  engine::Region region;
  codec::DecodeOptions options;
};

}  // namespace selvedge::camera
