// Unpack: bytes packed with gzip or zstd, that come in pieces, made plain again as they come.
//
// Holds a window (zstd: 8 MiB, gzip: 32 KiB) and a piece, however much comes out: how much may come out is for whoever takes
// it to bound. Bytes from anyone; any thread.

#pragma once

#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec {

enum class Packed : std::uint8_t { plain, gzip, zstd };
Packed packed_as(base::BytesView head);            // of the first bytes, four at least

class Unpack {
 public:
  using Take = std::function<base::Result<void>(base::BytesView plain)>;

  explicit Unpack(Packed how, Take take);
  ~Unpack();
  Unpack(Unpack&&) noexcept;

  // Code::corrupt: damaged. Else as `take` says.
  base::Result<void> feed(base::BytesView bytes);
  base::Result<void> end();                        // no more comes

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::codec
