#include "codec/series/sealed.h"

#include <limits>

#include "codec/series/frame.h"
#include "codec/series/header.h"

namespace selvedge::codec {

using base::Code;
using base::fail;

bool is_sealed(const model::BlockSummary& summary) {
  return static_cast<ValueCodec>(summary.codec) == ValueCodec::sealed;
}

base::Bytes sealed_header(const model::BlockSummary& inner) {
  Header header;
  model::BlockSummary& outer = header.summary;
  outer.kind = inner.kind;
  outer.count = inner.count;
  outer.first_time = inner.first_time;
  outer.last_time = inner.last_time;
  outer.min = outer.max = outer.sum = outer.first = outer.last = std::numeric_limits<double>::quiet_NaN();
  outer.codec = static_cast<std::uint8_t>(ValueCodec::sealed);
  header.time_unit = coarsest_unit(inner.last_time.ns, coarsest_unit(inner.first_time.ns, 3));
  base::Bytes bytes;
  base::Writer out(bytes);
  put_header(out, header);
  out.varint(0);                       // no times here
  return bytes;
}

base::Result<void> put_sealed_frame(base::BytesView header, base::BytesView sealed, base::Bytes& out) {
  if (header.size() + sealed.size() + 16 > max_frame_bytes)
    return fail(Code::invalid_input, "seal a block: it is too long");
  put_frame(out, {header, sealed});
  return {};
}

base::Result<SealedFrame> open_sealed_frame(base::BytesView frame) {
  base::Reader in({});
  SealedFrame opened;
  opened.summary = TRY(open_frame(frame, in)).summary;
  if (!is_sealed(opened.summary)) return fail(Code::invalid_input, "the block is not sealed");
  const base::BytesView times = in.bytes();
  if (!in.ok() || !times.empty()) return fail(Code::corrupt, "damaged header of a sealed block");
  base::Reader start(frame);
  start.u32();
  start.u8();
  start.varint();
  const base::BytesView whole = start.rest();
  opened.sealed = in.rest();
  opened.header = whole.first(whole.size() - opened.sealed.size());
  return opened;
}

}  // namespace selvedge::codec
