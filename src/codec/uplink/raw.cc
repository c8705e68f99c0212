#include "base/wire.h"
#include "codec/uplink/envelope.h"
#include "codec/uplink/uplink.h"

namespace selvedge::codec::uplink {
namespace {

std::unexpected<base::Error> damaged(MessageKind kind, std::string_view what) {
  return refuse(kind, base::Code::corrupt, std::string(what) + " is cut short or overlong");
}

}  // namespace

void encode(const RawRequest& request, base::Bytes& out) {
  const std::size_t start = begin_message(MessageKind::raw_request, out);
  base::Bytes bytes;
  base::Writer head(bytes);
  head.u64(request.request);
  head.svarint(request.from.ns);
  head.svarint(request.to.ns);
  head.varint(request.skip);
  head.text(request.series);
  base::Writer(out).bytes(bytes);
  end_message(start, out);
}

base::Result<RawRequest> decode_raw_request(base::BytesView payload) {
  base::Reader reader(TRY(open_message(MessageKind::raw_request, payload)));
  base::Reader head(reader.bytes());
  RawRequest request;
  request.request = head.u64();
  request.from.ns = head.svarint();
  request.to.ns = head.svarint();
  request.skip = head.varint();
  request.series = head.text();
  if (!reader.ok() || !head.ok()) return damaged(MessageKind::raw_request, "the head");
  if (request.series.empty() || request.series.size() > 512)
    return refuse(MessageKind::raw_request, base::Code::invalid_input, "a series without a name, or with a long one");
  return request;
}

void encode(const RawAnswer& answer, base::Bytes& out) {
  const std::size_t start = begin_message(MessageKind::raw_answer, out);
  base::Writer writer(out);
  base::Bytes bytes;
  base::Writer head(bytes);
  head.u64(answer.request);
  head.u8(answer.refused ? static_cast<std::uint8_t>(static_cast<unsigned>(*answer.refused) + 1) : 0);
  head.u8(answer.more ? 1 : 0);
  head.text(answer.why);
  writer.bytes(bytes);
  writer.varint(answer.frames.size());
  for (const base::BytesView frame : answer.frames) writer.bytes(frame);
  end_message(start, out);
}

base::Result<RawAnswer> decode_raw_answer(base::BytesView payload) {
  base::Reader reader(TRY(open_message(MessageKind::raw_answer, payload)));
  base::Reader head(reader.bytes());
  RawAnswer answer;
  answer.request = head.u64();
  const std::uint8_t status = head.u8();
  answer.more = head.u8() & 1;
  answer.why = head.text();
  if (!reader.ok() || !head.ok()) return damaged(MessageKind::raw_answer, "the head");
  if (status > static_cast<std::uint8_t>(base::Code::internal) + 1)
    return refuse(MessageKind::raw_answer, base::Code::invalid_input, "an unknown status");
  if (status > 0) answer.refused = static_cast<base::Code>(status - 1);
  const std::uint64_t count = reader.varint();
  if (!reader.ok() || count > reader.remaining()) return damaged(MessageKind::raw_answer, "the list of frames");
  for (std::uint64_t i = 0; i < count; ++i) {
    answer.frames.push_back(reader.bytes());
    if (!reader.ok() || answer.frames.back().empty()) return damaged(MessageKind::raw_answer, "a frame");
  }
  return answer;
}

std::string raw_request_topic(std::string_view node) { return "down/" + std::string(node) + "/raw"; }
std::string raw_answer_topic(std::string_view node) { return "up/" + std::string(node) + "/raw"; }

}  // namespace selvedge::codec::uplink
