// Sealed frames: a frame within a frame. The outer header says what has to be known to store and
// find the block (kind, count, first and last time); its aggregates are NaN. The rest are bytes that
// only a recipient can open (engine/seal), and in them lies the frame as it was made.
//
// Layout: docs/spec/sealed_block.md. Pure functions; any thread.

#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "model/block.h"

namespace selvedge::codec {

bool is_sealed(const model::BlockSummary& summary);

// The outer header for a frame with this summary: what is authenticated beside the sealed bytes.
base::Bytes sealed_header(const model::BlockSummary& inner);
// Appends the frame to `out`. Code::invalid_input if it would be longer than a frame may be.
base::Result<void> put_sealed_frame(base::BytesView header, base::BytesView sealed, base::Bytes& out);

struct SealedFrame {
  model::BlockSummary summary;         // outer
  base::BytesView header, sealed;      // within the frame
};
// Code::invalid_input if the frame is not sealed; Code::corrupt as read_summary().
base::Result<SealedFrame> open_sealed_frame(base::BytesView frame);

}  // namespace selvedge::codec
