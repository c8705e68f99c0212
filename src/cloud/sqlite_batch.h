// CheckedBatch: a batch as received, read and checked as far as can be without the database: the
// message, every frame's header and checksum. Pure; the views point into the payload.
// Private to cloud/.

#pragma once

#include <vector>

#include "base/result.h"
#include "cloud/block_store.h"
#include "codec/uplink/uplink.h"
#include "model/block.h"

namespace selvedge::cloud {

struct CheckedBatch {
  codec::uplink::Batch batch;
  std::vector<model::BlockSummary> summaries;   // of batch.blocks
};

base::Result<CheckedBatch> check_batch(base::BytesView payload);

// What acknowledges all blocks of the batch.
codec::uplink::Ack ack_of(const codec::uplink::Batch& batch);

}  // namespace selvedge::cloud
