// SenmlCbor: SenML packs in CBOR (RFC 8428 section 6).

#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "codec/payload/output.h"

namespace selvedge::codec::payload {

base::Result<void> decode_senml_cbor(base::BytesView bytes, const Options& options,
                                     base::Time arrival, Output& out);

}  // namespace selvedge::codec::payload
