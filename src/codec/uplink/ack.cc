#include "base/wire.h"
#include "codec/uplink/envelope.h"
#include "codec/uplink/uplink.h"

namespace selvedge::codec::uplink {
namespace {

constexpr std::size_t least_range_bytes = 2;

std::unexpected<base::Error> damaged(std::string_view what) {
  return refuse(MessageKind::ack, base::Code::corrupt,
                std::string(what) + " is cut short or overlong");
}

}  // namespace

void encode(const Ack& ack, base::Bytes& out) {
  CHECK(ack.ranges.size() <= max_ack_ranges);
  const std::size_t start = begin_message(MessageKind::ack, out);
  base::Writer writer(out);
  base::Bytes head;
  base::Writer(head).u64(static_cast<std::uint64_t>(ack.epoch));
  writer.bytes(head);
  writer.varint(ack.ranges.size());
  std::uint64_t before = 0;
  for (const Range& range : ack.ranges) {
    const std::uint64_t first = number(range.first), last = number(range.last);
    CHECK(first > before && (before == 0 || first > before + 1) && last >= first &&
          last <= max_seq);
    writer.varint(first - before);
    writer.varint(last - first);
    before = last;
  }
  end_message(start, out);
}

base::Result<Ack> decode_ack(base::BytesView payload) {
  base::Reader reader(TRY(open_message(MessageKind::ack, payload)));
  Ack ack;
  base::Reader head(reader.bytes());
  ack.epoch = model::Epoch{head.u64()};
  if (!head.ok()) return damaged("the head");
  const std::uint64_t count = reader.varint();
  if (!reader.ok() || count > max_ack_ranges || count > reader.remaining() / least_range_bytes) {
    return damaged("the list of ranges");
  }
  ack.ranges.reserve(static_cast<std::size_t>(count));
  std::uint64_t before = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t gap = reader.varint();
    const std::uint64_t more = reader.varint();
    if (!reader.ok()) return damaged("a range");
    // Differences instead of sums, which could wrap.
    const std::uint64_t least_gap = before == 0 ? 1 : 2;
    if (gap < least_gap || gap > max_seq - before || more > max_seq - before - gap) {
      return refuse(MessageKind::ack, base::Code::invalid_input,
                    "its ranges are not ascending and apart");
    }
    const std::uint64_t first = before + gap;
    before = first + more;
    ack.ranges.push_back({.first = model::BlockSeq{first}, .last = model::BlockSeq{before}});
  }
  return ack;
}

}  // namespace selvedge::codec::uplink
