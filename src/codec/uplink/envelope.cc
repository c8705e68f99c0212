#include "codec/uplink/envelope.h"

#include "base/crc32c.h"
#include "base/wire.h"
#include "codec/uplink/uplink.h"

namespace selvedge::codec::uplink {
namespace {

constexpr std::uint8_t magic[] = {'S', 'U'};
constexpr std::size_t checksum_at = 4;

std::uint32_t checksum(base::BytesView message) {
  return base::crc32c(message.subspan(envelope_bytes),
                      base::crc32c(message.subspan(0, checksum_at)));
}

}  // namespace

std::size_t begin_message(MessageKind kind, base::Bytes& out) {
  const std::size_t start = out.size();
  base::Writer writer(out);
  writer.raw(magic);
  writer.u8(version);
  writer.u8(static_cast<std::uint8_t>(kind));
  writer.u32(0);
  return start;
}

void end_message(std::size_t start, base::Bytes& out) {
  base::Writer(out).patch_u32(start + checksum_at, checksum(base::BytesView(out).subspan(start)));
}

std::unexpected<base::Error> refuse(MessageKind kind, base::Code code, std::string_view why) {
  std::string message = kind == MessageKind::batch ? "read batch: " : "read acknowledgement: ";
  message += why;
  return base::fail(code, std::move(message));
}

base::Result<base::BytesView> open_message(MessageKind kind, base::BytesView payload) {
  if (payload.size() > max_batch_bytes) {
    return refuse(kind, base::Code::invalid_input,
                  std::to_string(payload.size()) + " bytes are more than the " +
                      std::to_string(max_batch_bytes) + " allowed");
  }
  if (payload.size() < envelope_bytes || payload[0] != magic[0] || payload[1] != magic[1]) {
    return refuse(kind, base::Code::corrupt, "it is no uplink message");
  }
  if (payload[2] != version) {
    return refuse(kind, base::Code::invalid_input,
                  "version " + std::to_string(payload[2]) + " is not known here, only " +
                      std::to_string(version));
  }
  base::Reader reader(payload.subspan(checksum_at));
  if (reader.u32() != checksum(payload)) {
    return refuse(kind, base::Code::corrupt, "its checksum does not match");
  }
  if (payload[3] != static_cast<std::uint8_t>(kind)) {
    return refuse(kind, base::Code::invalid_input,
                  "it is a message of kind " + std::to_string(payload[3]));
  }
  return payload.subspan(envelope_bytes);
}

}  // namespace selvedge::codec::uplink
