// What a stranger may post to the EST endpoints, and what a client may be answered.

#include "crypto/est.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace base = selvedge::base;
  namespace crypto = selvedge::crypto;
  if (size == 0) return 0;
  const base::BytesView body(data + 1, size - 1);
  if ((data[0] & 1) != 0) {
    const auto certificates = crypto::read_certificates_only(body);
    if (certificates)
      base::ignore(crypto::split_certificates(*certificates), "any answer will do");
    return 0;
  }
  const auto csr = crypto::read_posted_request(base::as_text(body));
  if (csr) base::ignore(crypto::read_request(*csr), "any answer will do");
  return 0;
}
