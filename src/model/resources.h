// Resources: what a node has and a task asks for. Values only.

#pragma once

#include <cstdint>
#include <string>

namespace selvedge::model {

struct Resources {
  std::int64_t cpu = 0;                    // thousandths of a core
  std::int64_t memory = 0;                 // bytes
  std::int64_t disk = 0;                   // bytes

  friend bool operator==(const Resources&, const Resources&) = default;
};

// Devices that compute: each can be shared in thousandths, or be asked for whole.
struct AcceleratorAsk {
  std::uint32_t devices = 0;               // 0: none; more than one only whole
  std::uint32_t thousandths = 1000;        // of each
  std::string model;                       // "": any

  friend bool operator==(const AcceleratorAsk&, const AcceleratorAsk&) = default;
};

}  // namespace selvedge::model
