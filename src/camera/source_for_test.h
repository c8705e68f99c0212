// Taker: a sink that keeps what it gets, for tests of sources.

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "camera/source.h"
#include "codec/image/pictures_for_test.h"

namespace selvedge::camera {

struct Taker : Sink {
  std::vector<std::string> pictures;
  std::vector<base::Time> taken;
  std::size_t room = 1'000'000;                    // pictures until it is full
  std::function<void()> within;                    // called within picture()

  void picture(base::Bytes file, base::Time when) override {
    pictures.emplace_back(base::as_text(file));
    taken.push_back(when);
    if (room > 0) --room;
    if (within) std::exchange(within, nullptr)();
  }
  bool full() const override { return room == 0; }
};

inline std::string jpeg_for_test(int side = 8) {
  return std::string(base::as_text(codec::encode_jpeg(codec::gradient(side, side), 50).value()));
}

}  // namespace selvedge::camera
