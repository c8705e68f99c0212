#include "codec/twin/envelope.h"

#include "base/crc32c.h"
#include "base/wire.h"
#include "codec/twin/twin.h"

namespace selvedge::codec::twin {
namespace {

constexpr std::uint8_t magic[] = {'S', 'T'};
constexpr std::size_t checksum_at = 4;

std::uint32_t checksum(base::BytesView message) {
  return base::crc32c(message.subspan(envelope_bytes),
                      base::crc32c(message.subspan(0, checksum_at)));
}

}  // namespace

std::size_t begin_message(Kind kind, base::Bytes& out) {
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

std::unexpected<base::Error> refuse(base::Code code, std::string_view why) {
  return base::fail(code, "read twin message: " + std::string(why));
}

base::Result<Opened> open_message(base::BytesView payload) {
  if (payload.size() > max_message_bytes) {
    return refuse(base::Code::invalid_input,
                  std::to_string(payload.size()) + " bytes are more than the " +
                      std::to_string(max_message_bytes) + " allowed");
  }
  if (payload.size() < envelope_bytes || payload[0] != magic[0] || payload[1] != magic[1])
    return refuse(base::Code::corrupt, "it is no twin message");
  if (payload[2] != version) {
    return refuse(base::Code::invalid_input,
                  "version " + std::to_string(payload[2]) + " is not known here, only " +
                      std::to_string(version));
  }
  base::Reader reader(payload.subspan(checksum_at));
  if (reader.u32() != checksum(payload))
    return refuse(base::Code::corrupt, "its checksum does not match");
  const std::uint8_t kind = payload[3];
  if (kind < static_cast<std::uint8_t>(Kind::hello) || kind > static_cast<std::uint8_t>(Kind::answer))
    return refuse(base::Code::invalid_input, "kind " + std::to_string(kind) + " is not known here");
  return Opened{static_cast<Kind>(kind), payload.subspan(envelope_bytes)};
}

}  // namespace selvedge::codec::twin
