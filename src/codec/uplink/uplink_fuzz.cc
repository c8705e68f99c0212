// Batches and acknowledgements: whatever is taken must survive being written and read again. The
// checksum is made right first, or the search would never get past it.

#include <algorithm>

#include "base/crc32c.h"
#include "base/wire.h"
#include "codec/uplink/uplink.h"

namespace {

namespace base = selvedge::base;
namespace uplink = selvedge::codec::uplink;

void try_batch(base::BytesView payload) {
  const auto batch = uplink::decode_batch(payload);
  if (!batch) return;
  base::Bytes again;
  uplink::encode(*batch, again);
  const auto second = uplink::decode_batch(again);
  CHECK(second && second->epoch == batch->epoch && second->sent_at == batch->sent_at);
  CHECK(second->series.size() == batch->series.size());
  CHECK(second->blocks.size() == batch->blocks.size());
  for (std::size_t i = 0; i < batch->blocks.size(); ++i) {
    const uplink::BlockView &a = batch->blocks[i], &b = second->blocks[i];
    CHECK(a.seq == b.seq && a.series == b.series && a.sealed_at == b.sealed_at);
    CHECK(std::ranges::equal(a.frame, b.frame));
  }
}

void try_ack(base::BytesView payload) {
  const auto ack = uplink::decode_ack(payload);
  if (!ack) return;
  base::Bytes again;
  uplink::encode(*ack, again);
  CHECK(uplink::decode_ack(again)->ranges == ack->ranges);
}

void try_raw(base::BytesView payload) {
  if (const auto request = uplink::decode_raw_request(payload)) {
    base::Bytes again;
    uplink::encode(*request, again);
    const auto second = uplink::decode_raw_request(again);
    CHECK(second && second->series == request->series && second->skip == request->skip &&
          second->from == request->from && second->to == request->to);
  }
  if (const auto answer = uplink::decode_raw_answer(payload)) {
    base::Bytes again;
    uplink::encode(*answer, again);
    const auto second = uplink::decode_raw_answer(again);
    CHECK(second && second->refused == answer->refused && second->more == answer->more &&
          second->frames.size() == answer->frames.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::Bytes bytes(data, data + size);
  try_batch(bytes);
  if (bytes.size() >= 8) {
    const base::BytesView view(bytes);
    base::Writer(bytes).patch_u32(4,
                                  base::crc32c(view.subspan(8), base::crc32c(view.subspan(0, 4))));
  }
  try_batch(bytes);
  try_ack(bytes);
  try_raw(bytes);
  uplink::node_of_blocks_topic(base::as_text(bytes));
  return 0;
}
