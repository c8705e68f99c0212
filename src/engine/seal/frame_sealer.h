// FrameSealer: blocks that only the holders of certain X25519 keys can read.
//
// A data key seals many blocks (ChaCha20-Poly1305) and is itself sealed for each recipient (HPKE,
// crypto/seal.h); every block carries it so, and can be read by itself. The data key is replaced by
// age and by count, never written down in the open, and forgotten with the process: what was sealed
// before needs nothing done to it. The outer header and the series' name are authenticated.
// Layout: docs/spec/sealed_block.md. One thread.

#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/aead.h"
#include "crypto/seal.h"

namespace selvedge::engine {

struct SealRules {
  static constexpr std::size_t max_recipients = 8;

  std::vector<crypto::SealKey> recipients;       // 1 to max_recipients
  base::Duration key_age = std::chrono::hours(24);
  std::uint64_t key_blocks = 10'000;
};

class FrameSealer {
 public:
  explicit FrameSealer(SealRules rules) : rules_(std::move(rules)) {}
  ~FrameSealer();
  FrameSealer(const FrameSealer&) = delete;
  FrameSealer& operator=(const FrameSealer&) = delete;

  // The sealed frame of a frame. `now` decides about the data key's age. Code::invalid_input if a
  // recipient's key is no usable point, or the block too long.
  base::Result<base::Bytes> seal(std::string_view series, base::BytesView frame, base::Time now);

 private:
  base::Result<void> renew(base::Time now);

  SealRules rules_;
  crypto::AeadKey key_{};
  base::Bytes wrapped_;                          // the key, for each recipient; empty: there is none
  base::Time made_{};
  std::uint64_t used_ = 0;                       // blocks sealed with it: the next nonce
};

// The frame within a sealed frame. Code::denied: not sealed for this key, or not what was sealed under
// this series; Code::corrupt: damaged; Code::invalid_input: it is not sealed.
base::Result<base::Bytes> unseal_frame(std::string_view series, base::BytesView frame,
                                       const crypto::SealKey& secret);

}  // namespace selvedge::engine
