// Hasher: SHA-256 of bytes that come in pieces. Any thread, one at a time.

#pragma once

#include <memory>

#include "crypto/crypto.h"

namespace selvedge::crypto {

class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher& other);           // goes on from where `other` is
  Hasher& operator=(const Hasher& other);

  void add(base::BytesView bytes);
  // Of everything added since the beginning or the last finish().
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace selvedge::crypto
