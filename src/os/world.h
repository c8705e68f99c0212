// World: everything a program may ask of the machine, in one bundle that a test can replace.

#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "os/files.h"
#include "os/loop.h"
#include "os/stream.h"

namespace selvedge::os {

class World {
 public:
  virtual ~World() = default;

  virtual Loop& loop() = 0;
  virtual Network& network() = 0;
  // A directory by path, made with its parents if `create`.
  virtual base::Result<std::unique_ptr<Dir>> directory(std::string_view path, bool create) = 0;
  // Cryptographic randomness in the real world, seeded in the fake one.
  virtual void entropy(std::span<std::uint8_t> into) = 0;

  std::uint64_t random_u64();
  double random_unit();  // [0, 1)
};

// The real machine. `run` returns when `stop` is called or one of `signals` arrives (blocked and
// read through the loop); says which.
class RealWorld : public World {
 public:
  static base::Result<std::unique_ptr<RealWorld>> create();

  virtual int run(std::span<const int> signals) = 0;
  virtual void stop() = 0;
};

}  // namespace selvedge::os
